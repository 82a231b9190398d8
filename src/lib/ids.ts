/** Random identifiers. A source is injected so that tests are repeatable. */
export interface IdSource {
  /** `bytes` random bytes in lower-case hexadecimal; a container's id has 32 bytes. */
  hex(bytes: number): string;
}

export const randomIds: IdSource = Object.freeze({
  hex(bytes: number): string {
    return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
  },
});
