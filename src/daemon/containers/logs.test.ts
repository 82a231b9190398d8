import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { completeConfig, completeHostConfig } from "./config.ts";
import { type ContainerRecord, CREATED } from "./container.ts";
import { type LogOptions, nanoseconds, readLogs } from "./logs.ts";
import { logPath } from "./parts.ts";

const dir = mkdtempSync("/tmp/skiff-logs-");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const paths = { dataRoot: dir, execRoot: dir };
const ALL: LogOptions = {
  ...{ stdout: true, stderr: true, follow: false, tail: undefined, since: 0n, until: 0n },
  ...{ timestamps: false, details: false },
};
const line = (text: string, second = 0, stream = "stdout") =>
  `${JSON.stringify({ log: `${text}\n`, stream, time: `2026-11-24T05:00:${String(second).padStart(2, "0")}.5Z` })}\n`;

function make(id: string): ContainerRecord {
  mkdirSync(`${dir}/containers/${id}`, { recursive: true });
  return {
    ...{ id, name: id, created: "", endpoints: {}, mounts: [], config: completeConfig({}) },
    image: { id: "", reference: "", platform: "", chainId: "" },
    hostConfig: completeHostConfig({}),
    state: { ...CREATED, status: "running" },
  };
}

function reader(container: ContainerRecord, state = { running: true }) {
  const find = () => ({
    ...container,
    state: { ...container.state, status: state.running ? ("running" as const) : ("exited" as const) },
  });
  const parts = { registry: { find }, waiters: {}, paths } as never;
  return (options: Partial<LogOptions>, gone = new AbortController().signal) =>
    readLogs(parts, container, { ...ALL, ...options }, gone);
}

async function text(entries: AsyncIterable<{ bytes: Uint8Array }>): Promise<string> {
  let all = "";
  for await (const { bytes } of entries) all += Buffer.from(bytes).toString();
  return all;
}

test("all, tail, streams, times, over rotated files", async () => {
  const container = make("one");
  const path = logPath(paths, "one");
  writeFileSync(`${path}.2`, line("a", 1) + line("b", 2));
  writeFileSync(`${path}.1`, line("c", 3, "stderr"));
  writeFileSync(path, line("d", 4) + line("e", 5));
  const read = reader(container);
  expect(await text(read({}))).toBe("a\nb\nc\nd\ne\n");
  for (const [tail, expected] of [
    [0, ""],
    [1, "e\n"],
    [2, "d\ne\n"],
    [3, "c\nd\ne\n"],
    [4, "b\nc\nd\ne\n"],
    [99, "a\nb\nc\nd\ne\n"],
  ] as const)
    expect(await text(read({ tail }))).toBe(expected);
  expect(await text(read({ stdout: false }))).toBe("c\n");
  expect(await text(read({ since: nanoseconds("2026-11-24T05:00:04.5Z") }))).toBe("d\ne\n");
  expect(await text(read({ until: nanoseconds("2026-11-24T05:00:02.5Z") }))).toBe("a\nb\n");
  expect(await text(read({ tail: 1, timestamps: true }))).toBe("2026-11-24T05:00:05.500000000Z e\n");
});

test("tail of a long file", async () => {
  const container = make("long");
  const lines = Array.from({ length: 5000 }, (_, index) => line(`line ${index}`));
  writeFileSync(logPath(paths, "long"), lines.join(""));
  expect(await text(reader(container)({ tail: 2 }))).toBe("line 4998\nline 4999\n");
  expect((await text(reader(container)({ tail: 4000 }))).split("\n").length).toBe(4001);
});

test("no log yet, a cut line, damage", async () => {
  const container = make("odd");
  expect(await text(reader(container)({}))).toBe("");
  writeFileSync(logPath(paths, "odd"), `${line("a")}garbage\n${line("b")}{"log":"cut`);
  expect(await text(reader(container)({}))).toBe("a\nb\n");
});

test("follow through growth, rotation and the end", async () => {
  const container = make("follow");
  const path = logPath(paths, "follow");
  const state = { running: true };
  writeFileSync(path, line("a"));
  const got: string[] = [];
  const done = (async () => {
    for await (const { bytes } of reader(container, state)({ follow: true }))
      got.push(Buffer.from(bytes).toString());
  })();
  const until = async (count: number) => {
    while (got.length < count) await Bun.sleep(5);
  };
  await until(1);
  appendFileSync(path, line("b"));
  await until(2);
  appendFileSync(path, line("c"));
  renameSync(path, `${path}.1`);
  writeFileSync(path, line("d"));
  await until(4);
  appendFileSync(path, line("e"));
  state.running = false;
  await done;
  expect(got.join("")).toBe("a\nb\nc\nd\ne\n");
});
