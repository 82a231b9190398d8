/** What `docker build` and `skiff build` send and say, against a daemon that only writes down what it gets: equal to the byte. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { TarReader } from "../../src/lib/tar/reader.ts";
import { DIST, DOCKER } from "../harness/engine.ts";
import { shell } from "../harness/shell.ts";

const ANSWER = [
  { stream: "Step 1/1 : FROM busybox" },
  { stream: "\n" },
  { aux: { ID: "sha256:abc" } },
  { stream: "Successfully built abc\n" },
];

interface Heard {
  readonly query: Readonly<Record<string, readonly string[]>>;
  readonly config: string | undefined;
  readonly body: Buffer;
}

let dir: string;
let server: Server;
const record: { heard?: Heard | undefined } = {};

/** A name made up for each build, of equal length. */
const plain = (text: string) => text.replace(/\.dockerfile\.[0-9a-f]{20}/g, ".dockerfile.NAME");

beforeAll(async () => {
  dir = mkdtempSync("/tmp/skiff-build-");
  server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      response.writeHead(200, { "Api-Version": "1.50" });
      if (request.url!.endsWith("/_ping")) return response.end("OK");
      const { searchParams } = new URL(request.url!, "http://x");
      const query: Record<string, string[]> = {};
      for (const name of [...searchParams.keys()].sort())
        query[name] = searchParams.getAll(name).map((value) => plain(value));
      const config = request.headers["x-registry-config"]?.toString();
      record.heard = { query, config, body: Buffer.concat(pieces) };
      response.end(ANSWER.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, "s.sock"), resolve));
  for (const name of ["config", "a/sub/deep", "a/empty", "a/lower", "bad", "none"])
    mkdirSync(join(dir, name), { recursive: true });
  const write = (name: string, content: string) => writeFileSync(join(dir, name), content);
  write("a/Dockerfile", "FROM busybox\n");
  write("a/lower/dockerfile", "FROM busybox\n");
  write("a/.dockerignore", "node_modules\n*.log\n!keep.log\n# c\nsub/deep\n!sub/deep/back\n[x-z]?\n");
  for (const name of ["a.log", "keep.log", "xa", "aa", "sub/deep/f", "sub/deep/back", "Zé"])
    write(`a/${name}`, name);
  write("a/sub/long", "x".repeat(1_000_000));
  write(`a/sub/${"n".repeat(140)}`, "");
  symlinkSync("sub/long", join(dir, "a/link"));
  linkSync(join(dir, "a/sub/long"), join(dir, "a/hard"));
  chmodSync(join(dir, "a/aa"), 0o4711);
  write("bad/Dockerfile", "FROM busybox\n");
  write("bad/.dockerignore", "[\n");
  write("config/config.json", JSON.stringify({ auths: { "x.y": { auth: btoa("me:secret") } } }));
});

afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

const MADE = /^(\.dockerfile\.[0-9a-f]+|\.dockerignore|Dockerfile)$/;
const MADE_UP = /^\.dockerfile\./;
const DEPRECATED = /^DEPRECATED: The legacy builder[\s\S]*?\n\n/;

function byMade(a: Record<string, unknown>, b: Record<string, unknown>): number {
  const order = ({ name }: Record<string, unknown>) => (MADE_UP.test(String(name)) ? 1 : 0);
  return order(a) - order(b);
}

/** What an archive holds; how its writer dresses long names is left out, and when files were made on the way. */
function entriesOf(body: Buffer | undefined): unknown {
  if (body === undefined || body.length === 0) return undefined;
  const entries: Record<string, unknown>[] = [];
  let content: Buffer[] = [];
  const reader = new TarReader({
    entry({ name, type, mode, uid, gid, size, linkName, modifiedNs, xattrs }) {
      const made = MADE.test(name);
      const same = made ? {} : { modifiedNs: String(modifiedNs), xattrs: [...xattrs.keys()] };
      content = [];
      entries.push({ name: plain(name), type, mode, uid, gid, size, linkName, ...same });
    },
    data: (bytes) => void content.push(Buffer.from(bytes)),
    end: () => void (entries.at(-1)!["content"] = Bun.hash(plain(Buffer.concat(content).toString("latin1")))),
  });
  reader.push(body);
  // docker adds what it makes up in any order.
  return entries.toSorted(byMade);
}

async function once(program: string, args: readonly string[], input: string | undefined) {
  record.heard = undefined;
  const { stdout, stderr, code } = await shell(
    [program, "-H", `unix://${dir}/s.sock`, "build", ...args.map((arg) => arg.replace("%", dir))],
    {
      env: { DOCKER_CONFIG: join(dir, "config"), GIVEN: "here" },
      cwd: dir,
      ...(input === undefined ? {} : { stdin: input }),
    },
  );
  const said = stderr.replace(DEPRECATED, "").replace(/\bskiff\b/g, "docker");
  const at = record.heard as Heard | undefined;
  return {
    query: at?.query,
    config: at?.config,
    sent: entriesOf(at?.body),
    // An archive into which docker puts a Dockerfile from elsewhere lacks its end: its size differs.
    stdout: MADE_UP.test(at?.query["dockerfile"]?.[0] ?? "") ? stdout.replace(/daemon +\S+/, "") : stdout,
    stderr: said,
    code,
  };
}

async function compare(line: string, input?: string): Promise<void> {
  const args = line.split(" ").filter((word) => word !== "");
  const docker = await once(DOCKER, args, input);
  const skiff = await once(`${DIST}/skiff`, args, input);
  expect(skiff).toEqual(docker);
}

test.each([
  "a",
  "-q a",
  "a/lower",
  "-f a/sub/long a",
  "-f %/config/config.json a/sub",
  "--iidfile %/iid a",
  "-t x -t y:1 --build-arg A=1 --build-arg GIVEN --build-arg NOT --label x=y a",
  "--add-host h:1.2.3.4 --network host --platform linux/arm64 --target t --cache-from z,y a",
  "-m 64m --memory-swap -1 -c 3 --cpu-quota 5 --cpu-period 6 --cpuset-cpus 0 --shm-size 1m --cgroup-parent p a",
  "--ulimit nofile=5:6 --security-opt a,b --no-cache --pull --force-rm --rm=false --isolation i a",
  "bad",
  "none",
  "nope",
  "a/Dockerfile",
  "-f nope a",
  "-f - -",
  "-t Bad a",
  "--memory x a",
  "--label =x a",
  "--add-host x a",
  "--ulimit x=1 a",
  "--cpu-period x a",
  "--iidfile /no-such/file a",
  "",
  "a b",
])("build %s", (line) => compare(line), 30_000);

test.each([
  ["-", "FROM busybox\n"],
  ["-", ""],
  ["-f x -", "FROM busybox\n"],
  ["-f - a/sub", "FROM busybox\n"],
  ["-q -", "FROM busybox\n"],
])("build %s from stdin", (line, input) => compare(line, input), 30_000);
