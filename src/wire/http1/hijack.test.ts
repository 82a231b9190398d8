/** A connection that is taken over: what of it is the client's stream. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createHttpServer } from "./server.ts";

/** Answers with what came in as the stream until the client half-closed. */
async function echoed(request: string, readsBody: boolean): Promise<string> {
  const dir = mkdtempSync("/tmp/skiff-hijack-");
  const path = join(dir, "s.sock");
  const server = createHttpServer({
    async handle(request, response) {
      if (readsBody) await request.bytes(1024);
      const stream = response.hijack();
      for await (const bytes of stream.input) await stream.write(bytes);
    },
    onFault: () => {},
  });
  try {
    await server.listen({ path });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let text = "";
    const socket = connect({ path, allowHalfOpen: true }, () => socket.end(request));
    socket.on("data", (bytes) => {
      text += bytes.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text.slice(text.indexOf("\r\n\r\n") + 4)));
    socket.on("end", () => socket.destroy());
    return await promise;
  } finally {
    await server.close(0);
    rmSync(dir, { recursive: true });
  }
}

const HEAD = "POST /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";

test("a declared body is no input, read or not", async () => {
  const request = `${HEAD}Content-Length: 9\r\n\r\n{"a":"b"}rope`;
  expect(await echoed(request, false)).toBe("rope");
  expect(await echoed(request, true)).toBe("rope");
  expect(await echoed(`${HEAD}Content-Length: 0\r\n\r\nrope`, false)).toBe("rope");
});

test("without a length everything behind the head is input", async () => {
  expect(await echoed(`${HEAD}\r\nrope`, false)).toBe("rope");
  expect(await echoed(`${HEAD}Transfer-Encoding: chunked\r\n\r\nrope`, false)).toBe("rope");
  expect(await echoed(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nrope`, true)).toBe(
    "rope",
  );
});
