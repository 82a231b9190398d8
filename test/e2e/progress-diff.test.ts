/** What both command lines draw of the same progress: on terminals of several widths, and elsewhere. Equal to the byte. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { DIST, DOCKER } from "../harness/engine.ts";
import { shell } from "../harness/shell.ts";

const layer = (id: string, status: string, current?: number, total?: number) => ({
  status,
  progressDetail: current === undefined ? {} : { current, ...(total === undefined ? {} : { total }) },
  id,
});

const STREAMS: Readonly<Record<string, readonly object[]>> = {
  pull: [
    { status: "Pulling from library/x", id: "latest" },
    layer("aaaaaaaaaaaa", "Pulling fs layer"),
    layer("bbbbbbbbbbbb", "Pulling fs layer"),
    layer("bbbbbbbbbbbb", "Downloading", 0, 2_000_000),
    layer("aaaaaaaaaaaa", "Downloading", 539_830, 53_812_345),
    layer("bbbbbbbbbbbb", "Downloading", 1_999_999, 2_000_000),
    layer("aaaaaaaaaaaa", "Downloading", 53_812_345, 53_812_345),
    layer("aaaaaaaaaaaa", "Verifying Checksum"),
    layer("bbbbbbbbbbbb", "Extracting", 2_100_000, 2_000_000),
    layer("cccccccccccc", "Waiting"),
    layer("aaaaaaaaaaaa", "Extracting", 7),
    { ...layer("cccccccccccc", "Extracting"), progressDetail: { current: 3, units: "s" } },
    { ...layer("cccccccccccc", "Extracting"), progressDetail: { current: 3, total: 9, units: "files" } },
    { ...layer("cccccccccccc", "Extracting"), progressDetail: { current: 3, total: 9, hidecounts: true } },
    layer("aaaaaaaaaaaa", "Pull complete"),
    { status: "Digest: sha256:1" },
    { status: "Status: Downloaded newer image for x:latest" },
  ],
  push: [
    { status: "The push refers to repository [localhost:5000/x]" },
    layer("aaaaaaaaaaaa", "Preparing"),
    layer("aaaaaaaaaaaa", "Pushing", 512, 1024),
    layer("aaaaaaaaaaaa", "Pushed"),
    { status: "latest: digest: sha256:1 size: 123" },
    { progressDetail: {}, aux: { Tag: "latest", Digest: "sha256:1", Size: 123 } },
  ],
  load: [
    layer("aaaaaaaaaaaa", "Loading layer", 100, 1000),
    layer("aaaaaaaaaaaa", "Loading layer", 1000, 1000),
    { stream: "Loaded image: x:latest\n" },
  ],
  failing: [
    layer("aaaaaaaaaaaa", "Downloading", 100, 1000),
    { errorDetail: { message: "no space left" }, error: "no space left" },
  ],
  coded: [{ errorDetail: { code: 3, message: "returned a non-zero code: 3" }, error: "x" }],
  nothing: [],
};

let dir: string;
let server: Server;
let lines: readonly object[] = [];

beforeAll(async () => {
  dir = mkdtempSync("/tmp/skiff-progress-");
  mkdirSync(join(dir, "config"));
  mkdirSync(join(dir, "context"));
  writeFileSync(join(dir, "context/Dockerfile"), "FROM busybox\n");
  writeFileSync(join(dir, "a.tar"), "not read");
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(200, { "Api-Version": "1.50", "Content-Type": "application/json" });
      if (request.url!.endsWith("/_ping")) response.end("OK");
      else response.end(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, "s.sock"), resolve));
});

afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Said by docker alone: it has another builder, too. */
const DEPRECATED = /^DEPRECATED: The legacy builder[\s\S]*?buildx\/\r?\n\r?\n/;

/** `columns` 0: no terminal. */
async function draw(program: string, args: readonly string[], columns: number) {
  const argv = [program, "-H", `unix://${dir}/s.sock`, ...args];
  const onTerminal = ["script", "-qec", `stty cols ${columns} rows 40; exec ${argv.join(" ")}`, "/dev/null"];
  const env = { DOCKER_CONFIG: join(dir, "config"), TERM: "xterm" };
  const { stdout, stderr, code } = await shell(columns === 0 ? argv : onTerminal, { env });
  const plain = (text: string) => text.replace(DEPRECATED, "").replace(/\bskiff\b/g, "docker");
  return { stdout: plain(stdout), stderr: plain(stderr), code };
}

const COMMANDS = [
  "pull x",
  "pull -q x",
  "push localhost:5000/x",
  "load -i %/a.tar",
  "import %/a.tar x",
  "build %/context",
];
const CASES = Object.keys(STREAMS).flatMap((stream) =>
  COMMANDS.flatMap((command) => [0, 80, 111, 160].map((columns) => [stream, command, columns] as const)),
);

test.each(CASES)(
  "%s: %s, %d columns",
  async (stream, command, columns) => {
    lines = STREAMS[stream]!;
    const args = command.replace("%", dir).split(" ");
    const docker = await draw(DOCKER, args, columns);
    expect(await draw(`${DIST}/skiff`, args, columns)).toEqual(docker);
  },
  30_000,
);
