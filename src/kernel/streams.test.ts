import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AT_FDCWD, O } from "./constants.ts";
import { adoptSocket, readFd, writeFd } from "./fdstream.ts";
import { installInit, openInit } from "./init.ts";
import { check } from "./libc.ts";
import { linuxKernel as kernel } from "./linux.ts";
import { parseSignal, signalName } from "./signals.ts";
import { isTerminal, setWindowSize, windowSize } from "./stdout.ts";
import { enterRawMode, terminalSettings } from "./terminal.ts";

const dir = mkdtempSync("/tmp/skiff-streams-");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("a pipe carries more than it holds", async () => {
  const [out, into] = kernel.pipe2(0);
  const total = 1 << 20;
  let read = 0;
  const reading = (async () => {
    for await (const chunk of readFd(out)) read += chunk.length;
  })();
  expect(await writeFd(into).write(new Uint8Array(total))).toBe(true);
  kernel.close(into);
  await reading;
  expect(read).toBe(total);
});

test("a writer learns that its reader has gone", async () => {
  const [out, into] = kernel.pipe2(0);
  kernel.close(out);
  expect(await writeFd(into).write(Buffer.from("x"))).toBe(false);
  kernel.close(into);
});

test("a socket pair, both ways, with half-close", async () => {
  const pair = new Int32Array(2);
  check(
    () => "socketpair",
    (c) => c.socketpair(1, 0o2000001, 0, pair),
  );
  const { promise: answered, resolve } = Promise.withResolvers<string>();
  let heard = "";
  let answer = "";
  const quiet = { data() {}, end() {}, drain() {}, close() {} };
  const server = await adoptSocket(pair[0]!, {
    ...quiet,
    data: (chunk) => void (heard += Buffer.from(chunk).toString()),
    end: () => {
      server.write(Buffer.from(`heard ${heard}`));
      server.shutdown();
    },
  });
  const client = await adoptSocket(pair[1]!, {
    ...quiet,
    data: (chunk) => void (answer += Buffer.from(chunk).toString()),
    close: () => resolve(answer),
  });
  client.write(Buffer.from("hello"));
  client.shutdown();
  expect(await answered).toBe("heard hello");
  for (const socket of [client, server]) socket.close();
});

test("a terminal's size, raw mode and back", () => {
  const TIOCSPTLCK = 0x40045431;
  const TIOCGPTN = 0x80045430;
  const master = kernel.openat(AT_FDCWD, "/dev/ptmx", O.RDWR | O.NOCTTY, 0);
  const number = new Int32Array(1);
  for (const request of [TIOCSPTLCK, TIOCGPTN])
    check(
      () => "ptmx",
      (c) => c.ioctl(master, request, number),
    );
  const slave = kernel.openat(AT_FDCWD, `/dev/pts/${number[0]}`, O.RDWR | O.NOCTTY, 0);
  expect(isTerminal(slave)).toBe(true);
  expect(windowSize(slave)).toBeUndefined();
  setWindowSize(slave, { columns: 101, rows: 37 });
  expect(windowSize(slave)).toEqual({ columns: 101, rows: 37 });
  const before = terminalSettings(slave);
  const restore = enterRawMode(slave);
  expect(terminalSettings(slave)).not.toEqual(before);
  restore();
  restore();
  expect(terminalSettings(slave)).toEqual(before);
  for (const fd of [slave, master]) kernel.close(fd);
  const file = kernel.openat(AT_FDCWD, join(dir, "f"), O.CREAT | O.RDWR, 0o600);
  expect(isTerminal(file)).toBe(false);
  expect(windowSize(file)).toBeUndefined();
  kernel.close(file);
});

test("skiff-init runs from sealed memory", () => {
  const path = openInit();
  expect(openInit()).toBe(path);
  expect(Bun.spawnSync([path], { argv0: "skiff-init" }).exitCode).not.toBe(0);
  expect(() => kernel.openat(AT_FDCWD, path, O.WRONLY | O.TRUNC, 0)).toThrow();
});

test("skiff-init as a file anyone may run and nobody write", () => {
  const path = installInit(dir);
  expect(installInit(dir)).toBe(path);
  expect(kernel.statx(AT_FDCWD, path, 0).mode & 0o7777).toBe(0o555);
  expect(readdirSync(dir).filter((name) => name.startsWith("skiff-init"))).toEqual(["skiff-init"]);
});

test("signals by name", () => {
  expect(["SIGTERM", "kill", "2", "RTMIN+3", "sigrtmax", "SIGIOT"].map(parseSignal)).toEqual([
    15, 9, 2, 37, 64, 6,
  ]);
  expect(["0", "65", "SIGNONE", "-1", "", "toString"].map(parseSignal)).toEqual(Array(6).fill(undefined));
  expect([15, 37, 64, 32].map(signalName)).toEqual(["SIGTERM", "SIGRTMIN+3", "SIGRTMAX", "32"]);
});
