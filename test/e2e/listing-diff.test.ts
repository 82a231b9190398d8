/**
 * Lists as both command lines show them, of a daemon that answers with what is rare in real life: odd names, sizes, ports, ages. Equal to the byte.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { DIST, DOCKER } from "../harness/engine.ts";
import { shell } from "../harness/shell.ts";

const ID = "0123456789abcdef".repeat(4);
const HOUR = 3600;
const DAY = 24 * HOUR;
/** Half way into a unit, so that a moment more changes nothing. */
const ago = (seconds: number) => Math.trunc(Date.now() / 1000) - seconds;
const AGES = [
  ...[
    0.1 * HOUR,
    1.2 * HOUR,
    5.2 * HOUR,
    30.2 * HOUR,
    3 * DAY,
    13 * DAY,
    15.5 * DAY,
    50 * DAY,
    65 * DAY,
    400 * DAY,
  ],
  900 * DAY,
];
const SIZES = [
  0, 1, 999, 1000, 1023, 4567, 99_999, 999_999, 1_000_000, 12_345_678, 999_999_999, 1_234_567_890_123,
];

const port = (PrivatePort: number, PublicPort?: number, IP?: string, Type = "tcp") => ({
  ...(IP === undefined ? {} : { IP }),
  PrivatePort,
  ...(PublicPort === undefined ? {} : { PublicPort }),
  Type,
});

const PORTS = [
  [],
  [port(80)],
  [port(80, 8080, "0.0.0.0"), port(80, 8080, "::")],
  [port(80, 8080, "0.0.0.0"), port(81, 8081, "0.0.0.0"), port(82, 8082, "0.0.0.0"), port(90)],
  [port(53, 53, "127.0.0.1", "udp"), port(53, 53, "127.0.0.1"), port(54, 54, "127.0.0.1")],
  [port(1), port(2), port(3), port(5), port(7, undefined, undefined, "sctp")],
  [port(100, 300, "0.0.0.0"), port(101, 302, "0.0.0.0"), port(102, 303, "0.0.0.0")],
  [port(9, 9, "::1"), port(10, 10, "::1")],
];

const COMMANDS = ["sh", "/bin/sh -c 'echo \"hi\"'", "a".repeat(30), "é".repeat(25), "tab\tnew\nline", ""];

const containers = AGES.map((age, at) => ({
  Id: `${at.toString(16).padStart(2, "0")}${ID.slice(2)}`,
  Names: at % 3 === 0 ? [`/name${at}`, `/other/link${at}`] : [`/name${at}`],
  Image: ["busybox", `sha256:${ID}`, "", "localhost:5000/a/b:tag", `x@sha256:${ID}`][at % 5],
  ImageID: `sha256:${ID}`,
  Command: COMMANDS[at % COMMANDS.length],
  Created: ago(age),
  Ports: PORTS[at % PORTS.length],
  SizeRw: SIZES[at],
  SizeRootFs: at % 2 === 0 ? SIZES[at + 1] : 0,
  Labels: at % 2 === 0 ? { b: "2", a: "1,2", "": "x" } : {},
  State: ["running", "exited", "created", "paused"][at % 4],
  Status: ["Up 2 hours", "Exited (137) 3 days ago", "Created", "Up 1 second (Paused)"][at % 4],
  HostConfig: { NetworkMode: "default" },
  NetworkSettings: { Networks: { bridge: {} } },
  Mounts: [
    ...(at % 2 === 0 ? [{ Type: "volume", Name: "v".repeat(20), Source: "/s", Driver: "local" }] : []),
    ...(at % 3 === 0 ? [{ Type: "bind", Source: "/host/path/that/is/long" }] : []),
  ],
}));

const digest = (at: number) => `sha256:${at.toString(16).padStart(2, "0")}${ID.slice(2)}`;
const NAMES: readonly (readonly [readonly string[] | null, readonly string[] | null])[] = [
  [["busybox:latest", "busybox:1"], [`busybox@${digest(90)}`]],
  [[], []],
  [null, null],
  [[], [`gone@${digest(91)}`]],
  [["a.b/c/d:e"], [`a.b/c/d@${digest(92)}`, `a.b/c/d@${digest(93)}`]],
  [["<none>:<none>"], ["<none>@<none>"]],
  [["only:tag"], []],
  [["x:1"], [`y@${digest(94)}`]],
];
const images = AGES.map((age, at) => {
  const [RepoTags, RepoDigests] = NAMES[at % NAMES.length]!;
  return {
    ...{ Id: digest(at), ParentId: "", RepoTags, RepoDigests, Created: at === 0 ? 0 : ago(age) },
    ...{
      Size: SIZES[at],
      SharedSize: at % 2 === 0 ? -1 : 5,
      Containers: at % 3 === 0 ? -1 : at,
      Labels: null,
    },
  };
});

const history = AGES.map((age, at) => ({
  Id: at === 0 ? digest(1) : "<missing>",
  Created: ago(age),
  CreatedBy: COMMANDS[at % COMMANDS.length],
  Tags: null,
  Size: SIZES[at],
  Comment: at % 2 === 0 ? "buildkit.dockerfile.v0" : "",
}));

const volumes = ["b10", "b9", "é", ID, "a"].map((Name, at) => ({
  ...{
    Name,
    Driver: at === 1 ? "nfs-driver" : "local",
    Mountpoint: `/m/${Name}`,
    Scope: "local",
    Options: null,
  },
  Labels: at % 2 === 0 ? { z: "1" } : null,
  CreatedAt: "2026-11-25T06:43:17Z",
  UsageData: { RefCount: at, Size: at === 0 ? -1 : SIZES[at * 2] },
}));

const networks = ["net10", "net9", "bridge", "x".repeat(40)].map((Name, at) => ({
  ...{ Name, Id: digest(at).slice(7), Created: "2026-11-25T06:43:17.670Z", Scope: "local" },
  ...{ Driver: "bridge", EnableIPv4: at !== 1, EnableIPv6: at === 2, Internal: at === 3, Attachable: false },
  ...{ Ingress: false, ConfigFrom: { Network: "" }, ConfigOnly: false, Containers: {}, Options: {} },
  ...{ IPAM: { Driver: "default", Options: null, Config: [] }, Labels: at === 0 ? { b: "1" } : {} },
}));

const BuildCache = AGES.slice(0, 4).map((age, at) => ({
  ...{
    ID: `cache${at}${ID}`,
    Type: "regular",
    Description: "mount / from exec /bin/sh -c x",
    InUse: at === 0,
  },
  ...{ Shared: at === 1, Size: SIZES[at + 3], UsageCount: at, Parents: at === 0 ? null : [`cache0${ID}`] },
  CreatedAt: new Date((ago(age) | 0) * 1000).toISOString(),
  LastUsedAt: at === 2 ? null : new Date((ago(age) | 0) * 1000).toISOString(),
}));

const found = ["official", "other/one", "third/a"].map((name, at) => ({
  ...{ name, star_count: at * 1000, is_official: at === 0, is_automated: false },
  description: ["short", "long ".repeat(30), "line\nbreak"][at],
}));

const EVENTS = [
  { status: "start", id: ID, from: "busybox", Type: "container", Action: "start", scope: "local" },
  { Type: "network", Action: "connect", scope: "local" },
  { Type: "image", Action: "exec_create: sh -c x", scope: "swarm" },
].map((event, at) => ({
  ...event,
  Actor: { ID, Attributes: at === 1 ? {} : { name: "x", "a.b": "c d", image: "busybox" } },
  time: 1_790_000_000 + at,
  timeNano: 0,
}));
/** Nanoseconds beyond what a JavaScript number holds. */
const eventLines = EVENTS.map((event, at) =>
  JSON.stringify(event).replace('"timeNano":0', `"timeNano":${event.time}00000012${at}`),
);

const ANSWERS: readonly (readonly [pattern: RegExp, answer: () => unknown])[] = [
  [/\/containers\/json/, () => containers],
  [/\/images\/json/, () => images],
  [/\/history/, () => history],
  [/\/volumes$/, () => ({ Volumes: volumes, Warnings: null })],
  [/\/networks$/, () => networks],
  [/\/images\/search/, () => found],
  [
    /\/system\/df/,
    () => ({ LayersSize: 123_456_789, Images: images, Containers: containers, Volumes: volumes, BuildCache }),
  ],
  [
    /\/containers\/[^/]+\/top/,
    () => ({
      Titles: ["UID", "PID", "CMD"],
      Processes: [
        ["root", "1", "a b"],
        ["x", "22", ""],
      ],
    }),
  ],
  [
    /\/changes/,
    () => [
      { Path: "/a", Kind: 0 },
      { Path: "/b é", Kind: 1 },
      { Path: "/c", Kind: 2 },
    ],
  ],
  [
    /\/prune/,
    () => ({
      ContainersDeleted: [ID],
      ImagesDeleted: [{ Untagged: "a:b" }, { Deleted: digest(1) }],
      VolumesDeleted: ["v"],
      NetworksDeleted: ["n"],
      CachesDeleted: ["c"],
      SpaceReclaimed: 1_234_567,
    }),
  ],
];

let dir: string;
let server: Server;

beforeAll(async () => {
  dir = mkdtempSync("/tmp/skiff-listing-");
  mkdirSync(join(dir, "config"));
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const path = request.url!.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "");
      response.setHeader("Api-Version", "1.50");
      response.setHeader("Content-Type", "application/json");
      if (path === "/_ping") return response.end("OK");
      if (path === "/events") return response.end(eventLines.map((line) => `${line}\n`).join(""));
      const answer = ANSWERS.find(([pattern]) => pattern.test(path))?.[1];
      if (answer === undefined) response.statusCode = 404;
      return response.end(JSON.stringify(answer?.() ?? { message: `nothing at ${path}` }));
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, "s.sock"), resolve));
});

afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

const DEPRECATED = /^DEPRECATED: The legacy builder[\s\S]*?buildx\/\r?\n\r?\n/;

async function say(program: string, args: readonly string[]) {
  const env = { DOCKER_CONFIG: join(dir, "config"), TZ: process.env["TZ"] ?? "UTC" };
  const argv = [program, "-H", `unix://${dir}/s.sock`, ...args];
  const { stdout, stderr, code } = await shell(argv, { env });
  const plain = (text: string) => text.replace(DEPRECATED, "").replace(/\bskiff\b/g, "docker");
  return { args, stdout: plain(stdout), stderr: plain(stderr), code };
}

const ALL = {
  ps: ".ID .Names .Image .Command .CreatedAt .RunningFor .Ports .State .Status .Size .Labels .Mounts .LocalVolumes .Networks",
  images:
    ".ID .Repository .Tag .Digest .CreatedSince .CreatedAt .Size .Containers .SharedSize .UniqueSize .VirtualSize",
  "history x": ".ID .CreatedSince .CreatedAt .CreatedBy .Size .Comment",
  "volume ls": ".Name .Driver .Mountpoint .Scope .Labels .Links .Size .Status .Availability .Group",
  "network ls": ".ID .Name .Driver .Scope .IPv4 .IPv6 .Internal .Labels .CreatedAt",
  "system df": ".Type .TotalCount .Active .Size .Reclaimable",
  "search x": ".Name .Description .StarCount .IsOfficial",
};

const LINES = Object.entries(ALL).flatMap(([command, fields]) => {
  const names = fields.split(" ");
  const template = names.map((name) => `{{${name}}}`).join("\t");
  const words = command.split(" ");
  return [
    words,
    [...words, "--no-trunc"],
    [...words, "-q"],
    [...words, "--no-trunc", "-q"],
    [...words, "--format", "json"],
    [...words, "--format", "table"],
    [...words, "--format", template],
    [...words, "--format", `table ${template}`],
    [...words, "--no-trunc", "--format", `table ${template}`],
    [...words, "--format", "{{json .}}"],
    [...words, "--format", `table {{lower ${names[0]}}}\\t{{json ${names[1]}}}\\n{{len ${names[0]}}}`],
    [...words, "--format", `{{range $i, $x := split ${names[0]} "a"}}{{$i}}{{$x}} {{end}}`],
    [
      ...words,
      "--format",
      `{{truncate ${names[1]} 3}}|{{pad ${names[1]} 2 2}}|{{upper ${names[1]}}}|{{title ${names[1]}}}`,
    ],
    [
      ...words,
      "--format",
      `{{if eq ${names[1]} "local"}}L{{else}}{{printf "%-20s|%q|%T" ${names[1]} ${names[0]} ${names[1]}}}{{end}}`,
    ],
    [...words, "--format", "raw"],
    [...words, "--format", ""],
    [...words, "--format", "table {{.Nope}}"],
  ];
});

const MORE = [
  "ps -a",
  "ps -s",
  "ps -as --no-trunc",
  "ps -l",
  "ps -n 3",
  "ps -q -s",
  "images --digests",
  "images --digests --no-trunc",
  "images --digests --format table",
  "images -q --digests",
  "history -H=false x",
  "history --human=false --no-trunc x",
  "system df -v",
  "system df -v --format json",
  "system df --format {{json.}}",
  "top x",
  "diff x",
  "events",
  "events --format json",
  "events --format {{json.}}",
  "events --format {{.ID}}",
  "events --format {{.Actor.Attributes}}",
  "events --format {{.Time}}-{{.TimeNano}}-{{.Status}}-{{.From}}-{{.Scope}}",
  "events --since 2026-01-01 --until 2026-01-02T03:04",
  "container prune -f",
  "image prune -f",
  "image prune -af",
  "volume prune -f",
  "network prune -f",
  "system prune -f",
  "system prune -af --volumes",
  "builder prune -f",
  "volume prune -af --filter label=x",
].map((line) => line.split(" "));

test.each([...LINES, ...MORE].map((words) => [words] as const))(
  "%j",
  async (words) => {
    const docker = await say(DOCKER, words);
    expect(await say(`${DIST}/skiff`, words)).toEqual(docker);
  },
  30_000,
);
