/** The first 4096 bytes of what a probe writes, and three dots where there was more. */
export const OUTPUT_BYTES_MAX = 4096;

export class LimitedOutput {
  readonly #kept: Uint8Array[] = [];
  #bytes = 0;
  #truncated = false;

  push(bytes: Uint8Array): void {
    const part = bytes.slice(0, OUTPUT_BYTES_MAX - this.#bytes);
    if (part.length < bytes.length) this.#truncated = true;
    if (part.length === 0) return;
    this.#kept.push(part);
    this.#bytes += part.length;
  }

  get text(): string {
    return `${Buffer.concat(this.#kept).toString("utf8")}${this.#truncated ? "..." : ""}`;
  }
}
