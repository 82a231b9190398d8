import { expect, test } from "bun:test";
import fc from "fast-check";
import { FRAME_PAYLOAD_BYTES_MAX } from "../contracts/shim/stdio.ts";
import { createFrameReader, encodeFrame, u32 } from "./frames.ts";

test("frames arrive whole however the bytes are cut", () => {
  const frame = fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    payload: fc.uint8Array({ maxLength: 50 }),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ type, payload }) => encodeFrame(type, payload)));
        const read = createFrameReader();
        const got = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length]!;
          got.push(...read(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(got.map(({ type, payload }) => [type, ...payload])).toEqual(
          sent.map(({ type, payload }) => [type, ...payload]),
        );
      },
    ),
  );
});

test("a frame that is too long is refused", () => {
  const header = Buffer.concat([Uint8Array.of(1, 0, 0, 0), u32(FRAME_PAYLOAD_BYTES_MAX + 1)]);
  expect(() => createFrameReader()(header)).toThrow();
});

test("arbitrary bytes are frames or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        createFrameReader()(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: "data_loss" });
      }
    }),
  );
});
