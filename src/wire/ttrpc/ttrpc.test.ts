/** Frames and envelopes by property; calls over a real socket. The genuine peer is containerd, in test/seams/foreign.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { codeOf, type SkiffError } from "../../lib/errors.ts";
import { connectTtrpc, type TtrpcChannel } from "./client.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "./envelope.ts";
import { BODY_BYTES_MAX, createFrameReader, encodeFrame, type Frame, TYPE } from "./frames.ts";
import { createTtrpcServer, type TtrpcServer } from "./server.ts";

describe("frames", () => {
  test("the header that containerd sends", () => {
    const frame = encodeFrame(1, TYPE.request, new Uint8Array(520));
    expect(Buffer.from(frame.subarray(0, 10)).toString("hex")).toBe("00000208000000010100");
  });

  test("come out as they went in, however they are cut", () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 50 }), (sent, step) => {
        const bytes = Buffer.concat(sent.map((body, i) => encodeFrame(2 * i + 1, TYPE.response, body)));
        const got: Frame[] = [];
        const read = createFrameReader((frame) => got.push({ ...frame, body: Uint8Array.from(frame.body) }));
        for (let at = 0; at < bytes.length; at += step) read(bytes.subarray(at, at + step));
        expect(got.map(({ body }) => [...body])).toEqual(sent.map((body) => [...body]));
        expect(got.map(({ stream }) => stream)).toEqual(sent.map((_, i) => 2 * i + 1));
      }),
    );
  });

  test("a longer body than allowed is refused before it is read", () => {
    const header = Buffer.alloc(10);
    header.writeUInt32BE(BODY_BYTES_MAX + 1, 0);
    expect(() => createFrameReader(() => {})(header)).toThrow(/at most/);
  });
});

describe("envelopes", () => {
  test("requests", () => {
    const metadata = new Map([["traceparent", "x"]]);
    const request = { service: "a.B", method: "C", payload: Uint8Array.of(1, 2), timeoutNs: 7n, metadata };
    expect(decodeRequest(encodeRequest(request))).toEqual(request);
  });

  test("any bytes are decoded or refused with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeRequest, decodeResponse]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(codeOf(error)).toBe("internal");
          }
        }
      }),
    );
  });

  test("success without payload is no bytes at all", () => {
    expect(encodeResponse({ code: 0, message: "", payload: new Uint8Array() })).toHaveLength(0);
  });
});

describe("calls", () => {
  const directory = mkdtempSync("/tmp/skiff-ttrpc-");
  const socket = join(directory, "s");
  let server: TtrpcServer;
  let channel: TtrpcChannel;
  beforeAll(async () => {
    server = createTtrpcServer([]);
    server.listen(socket);
    channel = await connectTtrpc(socket);
  });
  afterAll(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test("an unknown service answers unimplemented", async () => {
    const error = await channel.call("no.Such", "Call", new Uint8Array()).catch((reason: unknown) => reason);
    expect(codeOf(error)).toBe("unimplemented");
    expect((error as SkiffError).message).toContain("no.Such/Call");
  });

  test("whoever waits when the connection ends is told", async () => {
    const other = await connectTtrpc(socket);
    const call = other.call("no.Such", "Call", new Uint8Array());
    other.close();
    expect(codeOf(await call.catch((reason: unknown) => reason))).toBe("unavailable");
  });
});
