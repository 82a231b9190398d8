/** Bounds on what a peer may make us keep. */
export const LIMITS = Object.freeze({
  /** Request or status line and all header fields, in bytes. Docker's X-Registry-Config can be long. */
  headBytes: 256 * 1024,
  headers: 200,
  targetBytes: 64 * 1024,
  /** A chunk's size line, and each trailer. */
  lineBytes: 4096,
  trailers: 32,
  /** Read ahead of the consumer before the socket is paused. */
  readAheadBytes: 256 * 1024,
  /** What is left of a request's body when its handler is done: read away up to here, then the connection ends. */
  drainBytes: 256 * 1024,
  /** From the first byte of a head to its last. */
  headMs: 30_000,
});
