/**
 * Messages that have come and not been taken: the receiving half of a streaming call, an async iterable for one consumer.
 *
 * Credit: while nothing lies in the box what arrives is paid back at once, so that a message longer than the window can come in;
 * otherwise when the box is empty again. So a consumer that stops holds at most a window and one message.
 */
export class Inbox<T> implements AsyncIterableIterator<T> {
  private readonly messages: T[] = [];
  private ended = false;
  private error: unknown;
  private failed = false;
  private waiter:
    | { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }
    | undefined;
  private owed = 0;

  constructor(
    private readonly consumed: (bytes: number) => void,
    /** The consumer leaves before the end. */
    private readonly abandoned: () => void,
  ) {}

  /** Accounts for bytes that arrived, after the messages they completed have been pushed. */
  arrived(bytes: number): void {
    this.owed += bytes;
    if (this.messages.length === 0) this.payBack();
  }

  push(message: T): void {
    const waiter = this.waiter;
    if (waiter === undefined) {
      this.messages.push(message);
      return;
    }
    this.waiter = undefined;
    waiter.resolve({ done: false, value: message });
  }

  end(): void {
    this.ended = true;
    this.waiter?.resolve({ done: true, value: undefined });
    this.waiter = undefined;
  }

  /** Messages that came before are still delivered. */
  fail(error: unknown): void {
    if (this.ended || this.failed) return;
    this.failed = true;
    this.error = error;
    this.waiter?.reject(error);
    this.waiter = undefined;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.messages.length > 0) {
      const value = this.messages.shift()!;
      if (this.messages.length === 0) this.payBack();
      return Promise.resolve({ done: false, value });
    }
    if (this.failed) return Promise.reject(this.error);
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T>> {
    if (!this.ended && !this.failed) {
      this.end();
      this.messages.length = 0;
      this.abandoned();
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private payBack(): void {
    if (this.owed === 0) return;
    const bytes = this.owed;
    this.owed = 0;
    this.consumed(bytes);
  }
}
