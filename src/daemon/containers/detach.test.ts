import { expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_DETACH_KEYS, findDetach, parseDetachKeys } from "./detach.ts";

test("keys as the flag writes them", () => {
  expect(parseDetachKeys("")).toEqual([16, 17]);
  expect(parseDetachKeys("ctrl-p,ctrl-q")).toEqual([16, 17]);
  expect(parseDetachKeys("a,ctrl-@")).toEqual([97, 0]);
  expect(() => parseDetachKeys("ctrl-1")).toThrow("Invalid detach keys (ctrl-1) provided");
});

test("the sequence is found across pieces; what breaks off is forwarded", () => {
  const first = findDetach(Buffer.from([97, 16]), DEFAULT_DETACH_KEYS, 0);
  expect(first).toEqual({ detached: false, matched: 1, forward: Uint8Array.from([97]) });
  expect(findDetach(Buffer.from([17]), DEFAULT_DETACH_KEYS, 1).detached).toBe(true);
  expect(findDetach(Buffer.from([98]), DEFAULT_DETACH_KEYS, 1).forward).toEqual(Uint8Array.from([16, 98]));
});

test("without the sequence every byte goes on", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 5 })), (pieces) => {
      let matched = 0;
      const out: number[] = [];
      for (const piece of pieces) {
        const found = findDetach(piece, DEFAULT_DETACH_KEYS, matched);
        if (found.detached) return;
        matched = found.matched;
        out.push(...found.forward);
      }
      expect([...out, ...DEFAULT_DETACH_KEYS.slice(0, matched)]).toEqual(
        pieces.flatMap((piece) => [...piece]),
      );
    }),
  );
});
