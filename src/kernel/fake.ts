/** A kernel that does nothing and remembers what it was asked: for unit tests. */
import { SkiffError } from "../lib/errors.ts";
import { KernelError } from "./errno.ts";
import type { Kernel } from "./kernel.ts";

export type RecordedCall = readonly [name: keyof Kernel, ...args: readonly unknown[]];

export interface FakeKernel extends Kernel {
  readonly calls: readonly RecordedCall[];
  /** The next call of that name fails with this errno number. */
  failNext(name: keyof Kernel, errno: number): void;
}

/** @param answers what the calls that answer something answer; the others answer 0. */
export function createFakeKernel(answers: Partial<Kernel> = {}): FakeKernel {
  const calls: RecordedCall[] = [];
  const failures = new Map<string, number>();
  const own = {
    calls,
    failNext: (name: keyof Kernel, errno: number) => void failures.set(name, errno),
  };
  return new Proxy(own as unknown as FakeKernel, {
    get(_, name) {
      if (name in own) return own[name as keyof typeof own];
      if (typeof name !== "string") throw new SkiffError("internal", "fake kernel: no such call");
      return (...args: unknown[]) => {
        calls.push([name as keyof Kernel, ...args]);
        const errno = failures.get(name);
        failures.delete(name);
        if (errno !== undefined) throw new KernelError(name, errno);
        const answer = answers[name as keyof Kernel] as ((...args: unknown[]) => unknown) | undefined;
        return answer === undefined ? 0 : answer(...args);
      };
    },
  });
}
