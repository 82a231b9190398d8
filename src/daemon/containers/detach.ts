/** `--detach-keys`: ctrl-p ctrl-q by default. */
import { SkiffError } from "../../lib/errors.ts";

/** Bytes that must come one after the other. */
export type DetachKeys = readonly number[];

export const DEFAULT_DETACH_KEYS: DetachKeys = [16, 17];

/** `ctrl-p,ctrl-q`, `a`, `ctrl-@`; "" is the default. */
export function parseDetachKeys(text: string): DetachKeys {
  if (text === "") return DEFAULT_DETACH_KEYS;
  return text.split(",").map((key) => {
    if (/^[\x00-\x7f]$/.test(key)) return key.charCodeAt(0);
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key);
    if (control !== null) return control[1]!.toUpperCase().charCodeAt(0) - 64;
    throw new SkiffError("invalid_argument", `Invalid detach keys (${text}) provided`);
  });
}

export interface DetachSearch {
  readonly detached: boolean;
  /** How many of the keys the input so far ends with: pass it on to the next call. */
  readonly matched: number;
  /** What the process gets: everything but a sequence begun. */
  readonly forward: Uint8Array;
}

/** A sequence that breaks off is forwarded after all. */
export function findDetach(bytes: Uint8Array, keys: DetachKeys, matched: number): DetachSearch {
  const forward: number[] = [];
  let at = matched;
  for (const byte of bytes) {
    if (byte === keys[at]) {
      at += 1;
      if (at === keys.length) return { detached: true, matched: 0, forward: Uint8Array.from(forward) };
      continue;
    }
    forward.push(...keys.slice(0, at));
    at = 0;
    if (byte === keys[0] && keys.length > 1) at = 1;
    else forward.push(byte);
  }
  return { detached: false, matched: at, forward: Uint8Array.from(forward) };
}
