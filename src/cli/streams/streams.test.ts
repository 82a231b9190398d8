/** Frames and detach keys, however the bytes are cut into pieces. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { detachKeys, watchKeys } from "./detach.ts";
import { demultiplex } from "./frames.ts";

const bytes = fc.uint8Array({ maxLength: 40 });

/** The same bytes in other pieces. */
function cut(whole: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return places.slice(1).map((end, index) => whole.subarray(places[index], end));
}

async function* stream(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

function frame(type: number, payload: Uint8Array): Uint8Array {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function read(pieces: readonly Uint8Array[]): Promise<{ out: string; err: string }> {
  const got = { out: "", err: "" };
  await demultiplex(stream(pieces), {
    out: (piece) => void (got.out += Buffer.from(piece).toString("hex")),
    err: (piece) => void (got.err += Buffer.from(piece).toString("hex")),
  });
  return got;
}

test("frames are taken apart, wherever they are cut", async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), bytes), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.nat(), { maxLength: 10 }), async (list, places) => {
      const whole = Buffer.concat(list.map(([type, payload]) => frame(type, payload)));
      const of = (type: number) =>
        Buffer.concat(list.filter(([one]) => one === type).map(([, payload]) => payload)).toString("hex");
      expect(await read(cut(whole, places))).toEqual({ out: of(1), err: of(2) });
    }),
  );
});

test("an error of the daemon, and what is no frame", async () => {
  expect(read([frame(3, Buffer.from("gone"))])).rejects.toThrow("error from daemon in stream: gone");
  expect(read([Buffer.from("HTTP/1.1 500")])).rejects.toThrow("unrecognized stream: 72");
});

test("any bytes end or are refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
      await read([noise]).catch((error: Error) => expect(error.message).toMatch(/stream/));
    }),
  );
});

test("detach keys: nothing is lost before them, nothing passes after them", () => {
  const keys = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 3 });
  const typed = fc.uint8Array({ max: 3, maxLength: 30 });
  fc.assert(
    fc.property(keys, typed, fc.array(fc.nat(), { maxLength: 6 }), (sequence, whole, places) => {
      const watch = watchKeys(Uint8Array.from(sequence));
      let passed = "";
      let detached = false;
      for (const piece of cut(whole, places)) {
        const result = watch(piece);
        passed += Buffer.from(result.bytes).toString("hex");
        detached = result.detached;
        if (detached) break;
      }
      const text = Buffer.from(whole).toString("hex");
      const words = Buffer.from(sequence).toString("hex");
      expect(text.startsWith(passed)).toBe(true);
      // What is held back at the end is the beginning of the sequence.
      if (detached) expect(text.startsWith(passed + words)).toBe(true);
      else expect(words.startsWith(text.slice(passed.length))).toBe(true);
    }),
  );
});

test("the keys' names", () => {
  const named = (words: string) => [...detachKeys(words)];
  expect(named("")).toEqual([16, 17]);
  expect(named("ctrl-a,b,ctrl-@,ctrl-[,ctrl-_,DEL")).toEqual([1, 98, 0, 27, 31, 127]);
  expect(named("ctrl-1")).toEqual([16, 17]);
});
