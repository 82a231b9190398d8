import { expect, test } from "bun:test";
import fc from "fast-check";
import { createHttpServer } from "./server.ts";
import { acceptWebSocket, decodeFrame } from "./websocket.ts";

test("bytes go both ways with Bun's own client; the end is said", async () => {
  const server = createHttpServer({
    handle: async (request, response) => {
      const stream = acceptWebSocket(request, response);
      await stream.write(Buffer.from("hello"));
      for await (const bytes of stream.input) {
        await stream.write(Buffer.concat([Buffer.from("got "), bytes.subarray(0, 70_000)]));
        if (bytes.length === 3) break;
      }
      await stream.close();
    },
    onFault: () => {},
  });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  socket.binaryType = "arraybuffer";
  const got: string[] = [];
  socket.onmessage = ({ data }) => got.push(Buffer.from(data as ArrayBuffer).toString());
  socket.onopen = () => {
    socket.send("text");
    socket.send(new Uint8Array(70_000).fill(0x61));
    socket.send("end");
  };
  const { promise, resolve } = Promise.withResolvers<number>();
  socket.onclose = ({ code }) => resolve(code);
  expect(await promise).toBe(1000);
  expect(got).toEqual(["hello", "got text", `got ${"a".repeat(70_000)}`, "got end"]);
  await server.close(1000);
});

test("any bytes are frames, not enough yet, or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        const next = decodeFrame(Buffer.from(bytes));
        if (next !== undefined)
          expect(next.rest.length + next.frame.payload.length).toBeLessThan(bytes.length);
      } catch (error) {
        expect((error as { code?: string }).code).toBe("invalid_argument");
      }
    }),
  );
});
