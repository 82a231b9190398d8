/**
 * The first thing `make test` runs: what this Bun does with fds, sockets and FFI, where earlier ones were at fault. A new Bun
 * shows its faults here before they show as riddles elsewhere. (HTTP/2 against Go peers is judged in src/wire/h2.)
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const dir = mkdtempSync("/tmp/skiff-probe-");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const libc = dlopen("libc.so.6", {
  socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  pipe2: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
});

function pair(call: (out: number) => number): [number, number] {
  const fds = new Int32Array(2);
  expect(call(ptr(fds) as unknown as number)).toBe(0);
  return [fds[0]!, fds[1]!];
}

test("the version is the pinned one", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  expect(Bun.version).toBe(manifest.devDependencies.bun);
});

test("FFI reaches libc, and Bun.connect takes a socket's fd, both ways", async () => {
  const [ours, theirs] = pair((out) => libc.symbols.socketpair(1, 1 | 0o2000000, 0, out as never));
  const received = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    fd: ours,
    socket: { data: (_: unknown, bytes: Buffer) => received.resolve(bytes.toString()), open() {} },
  } as never);
  writeSync(theirs, "ping");
  expect(await received.promise).toBe("ping");
  (socket as { write(text: string): number }).write("pong");
  const reply = Buffer.alloc(4);
  readSync(theirs, reply);
  expect(reply.toString()).toBe("pong");
  closeSync(theirs);
});

test("a non-blocking pipe streams through Bun.file(fd)", async () => {
  const [reader, writer] = pair((out) => libc.symbols.pipe2(out as never, constants.O_NONBLOCK | 0o2000000));
  const text = Bun.file(reader).stream().text();
  writeSync(writer, "through the pipe");
  await Bun.sleep(10);
  closeSync(writer);
  expect(await text).toBe("through the pipe");
});

test("an extra fd is inherited at its number, and no other", async () => {
  const fd = openSync(join(dir, "inherited"), "w");
  const stray = openSync(join(dir, "stray"), "w");
  const child = Bun.spawn(["/bin/sh", "-c", "echo seen >&3; ls /proc/self/fd"], {
    stdio: ["ignore", "pipe", "ignore", fd],
  });
  const listed = (await child.stdout.text()).trim().split("\n").map(Number);
  await child.exited;
  closeSync(fd);
  closeSync(stray);
  expect(readFileSync(join(dir, "inherited"), "utf8")).toBe("seen\n");
  expect(listed.filter((number) => number > 4)).toEqual([]);
});

test("half-close on a unix socket: the server still answers after the client's end", async () => {
  const path = join(dir, "socket");
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.on("data", (bytes) => (text += bytes));
    socket.on("end", () => socket.end(text.toUpperCase()));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const answer = await new Promise<string>((resolve) => {
    const socket = connect({ path, allowHalfOpen: true });
    let text = "";
    socket.on("data", (bytes) => (text += bytes));
    socket.on("end", () => resolve(text));
    socket.end("half");
  });
  server.close();
  expect(answer).toBe("HALF");
});
