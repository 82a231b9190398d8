/** The classic builder beside the genuine dockerd's: the same words to the letter (ids apart), the same image configuration, the same files. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Dockerd, startDockerd } from "../bench/peers.ts";
import { type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { eventually, must, type Outcome, shell } from "../harness/shell.ts";

let engine: Engine;
let dockerd: Dockerd;
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync("/tmp/skiff-classic-");
  [engine, dockerd] = await Promise.all([startEngine(), startDockerd()]);
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
  mkdirSync(join(dir, "tree/sub"), { recursive: true });
  for (const name of ["file", "f two", "tree/a.txt", "tree/b.txt", "tree/sub/deep"])
    writeFileSync(join(dir, name), name);
  symlinkSync("sub/deep", join(dir, "tree/link"));
  writeFileSync(join(dir, ".dockerignore"), "secret\nDockerfile\n.dockerignore\n");
  writeFileSync(join(dir, "secret"), "hidden");
  await must(["tar", "-C", join(dir, "tree"), "-czf", join(dir, "tree.tgz"), "."]);
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await dockerd?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

const argvOf = (whose: "ours" | "theirs", args: readonly string[]) =>
  whose === "ours" ? engine.argv("docker", args) : dockerd.argv(args);

/** Ids become their order of appearance, digests of copied files a word. */
function normal(text: string): string {
  const ids = new Map<string, string>();
  const digests = text
    .replace(/(file|dir|multi):[0-9a-f]{64}/g, "$1:DIGEST")
    // dockerd 20.10's words where those of 28 are others.
    .replace(/Removing (intermediate container)/g, " ---> Removed $1")
    .replace("dockerfile parse error line", "dockerfile parse error on line");
  return digests.replace(/\b(?:sha256:)?([0-9a-f]{64}|[0-9a-f]{12})\b/g, (_, id: string) => {
    const short = id.slice(0, 12);
    if (!ids.has(short)) ids.set(short, `ID${ids.size}`);
    return ids.get(short)!;
  });
}

async function build(
  whose: "ours" | "theirs",
  dockerfile: string,
  args: readonly string[],
): Promise<Outcome> {
  writeFileSync(join(dir, "Dockerfile"), dockerfile);
  const outcome = await shell(argvOf(whose, ["build", ...args, dir]), { env: { DOCKER_BUILDKIT: "0" } });
  const stderr = outcome.stderr.replace(/^DEPRECATED:[\s\S]*?\n\n/, "");
  return { code: outcome.code, stdout: normal(outcome.stdout), stderr: normal(stderr) };
}

/** What users see of an image, without what each engine names after itself. */
async function configOf(whose: "ours" | "theirs", name: string) {
  const [image] = JSON.parse(await must(argvOf(whose, ["image", "inspect", name])));
  const {
    Env,
    Cmd,
    Entrypoint,
    Labels,
    ExposedPorts,
    Volumes,
    User,
    WorkingDir,
    StopSignal,
    Healthcheck,
    OnBuild,
    Shell,
  } = image.Config;
  const history = await must(argvOf(whose, ["history", "--no-trunc", "--format", "{{.CreatedBy}}", name]));
  const bare = (value: unknown) =>
    value === undefined || value === null || Object.keys(value as object).length === 0 ? null : value;
  return {
    ...{
      Env,
      Cmd: bare(Cmd),
      Entrypoint: bare(Entrypoint),
      Labels: bare(Labels),
      ExposedPorts: bare(ExposedPorts),
    },
    ...{
      Volumes: bare(Volumes),
      User: User ?? "",
      WorkingDir: WorkingDir ?? "",
      StopSignal,
      Healthcheck,
      OnBuild: bare(OnBuild),
      Shell,
    },
    // StartInterval is newer than 20.10.
    history: normal(history)
      .replace(/("\w+" "\w+" "\w+" )"\w+" (?=')/, "$1")
      .split("\n"),
    author: image.Author,
  };
}

const LIST = `cd /out 2>/dev/null && find . | sort | while read f; do stat -c '%n %a %u:%g %F %s' "$f"; done`;

async function both(dockerfile: string, args: readonly string[] = []): Promise<Outcome> {
  const [theirs, ours] = await Promise.all([
    build("theirs", dockerfile, args),
    build("ours", dockerfile, args),
  ]);
  expect(ours).toEqual(theirs);
  return ours;
}

async function sameImage(dockerfile: string, args: readonly string[] = []): Promise<void> {
  const { code, stdout } = await both(dockerfile, ["-t", "made", ...args]);
  expect(stdout).toContain("Successfully tagged made:latest");
  expect(code).toBe(0);
  expect(await configOf("ours", "made")).toEqual(await configOf("theirs", "made"));
  const run = ["run", "--rm", "--network=none", "--user=0", "--entrypoint", "/bin/sh", "made", "-c", LIST];
  const [ours, theirs] = [await shell(argvOf("ours", run)), await shell(argvOf("theirs", run))];
  // Sizes of directories are the file system's.
  const files = ({ stdout: text }: Outcome) => text.replace(/directory \d+/g, "directory");
  expect(files(ours)).toBe(files(theirs));
}

const CONFIG = `# escape=\\
ARG BASE=busybox
FROM \${BASE}
# a comment
MAINTAINER me <me@x>
ARG ONE=1
ARG TWO
ENV A=x B="y z" C=a\\ b
ENV OLD form is  kept
ENV D=\${A}-\${NO:-none}-\${A:+set} \\
    # in between
    E='$A'
LABEL l=\${ONE} "m n"="o p"
EXPOSE 80 90/udp 1000-1001
VOLUME /v /u
VOLUME ["/w", "/z"]
USER plain
WORKDIR rel/\${A}
WORKDIR /abs
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=2 CMD echo  ok
ONBUILD RUN echo built
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT ["echo", "a b"]
CMD echo x`;

test("configuration, and the cache", async () => {
  await sameImage(CONFIG, ["--build-arg", "TWO=2", "--build-arg", "UNUSED=1", "--label", "q=r s"]);
  await sameImage(CONFIG, ["--build-arg", "TWO=2", "--label", "q=r s"]);
  await sameImage("FROM made\nENTRYPOINT run\n", ["--quiet=false"]);
}, 30_000);

test("run", async () => {
  const file = `FROM busybox
ARG A=1
ENV E=e
RUN mkdir /out; echo $A $E $HTTP_PROXY; echo made >/out/made; sleep 0.2; echo bad >&2
RUN ["/bin/sh", "-c", "rm /out/made; umask 077; echo x > /out/new; ln -s new /out/link"]
CMD ["a", "b"]`;
  await sameImage(file, ["--build-arg", "A=2", "--build-arg", "HTTP_PROXY=http://p"]);
  await both(file, ["--no-cache", "--rm=false"]);
  await both("FROM busybox\nRUN echo out; exit 3\nRUN no\n", ["--force-rm"]);
}, 60_000);

test("copy and add", async () => {
  const file = `FROM busybox AS one
COPY file /out/
COPY file /out/renamed
COPY ["f two", "/out/two"]
COPY tree /out/tree
COPY tree/*.txt file /out/many/
COPY --chown=plain:extra tree/sub /out/owned
COPY --chown=5:6 file /out/owned/n
ADD tree.tgz /out/unpacked
ADD file tree /out/added/
WORKDIR /out/wd
COPY fil? .
COPY . /out/all
RUN echo y >/only
FROM busybox AS two
COPY --from=one /out /out
COPY --from=0 /only /out/o
COPY --from=busybox /etc/passwd /out/
FROM one`;
  await sameImage(file);
  writeFileSync(join(dir, "file"), "changed");
  await sameImage(file, ["--target", "TWO"]);
}, 60_000);

test.each([
  "FROM busybox\nFOO bar\n",
  "FROM busybox\nCOPY missing /\n",
  "FROM busybox\nCOPY secret /\n",
  "FROM busybox\nCOPY no* /x\n",
  "FROM busybox\nCOPY --from=busybox /missing /\n",
  "FROM busybox\nCOPY tree/*.txt /x\n",
  "FROM busybox\nCOPY --chown=nobodyknows file /\n",
  "FROM busybox\nCOPY one\n",
  "FROM busybox\nENV x\n",
  "FROM busybox\nENV a=b c\n",
  "FROM busybox\nWORKDIR\n",
  "FROM busybox\nRUN --no=x true\n",
  "FROM busybox\nENV A=${x!y}\n",
  "FROM scratch\n",
  "FROM busybox as\n",
  "FROM busybox AS 1x\n",
  "RUN x\n",
  "# nothing\n",
  "FROM busybox\nONBUILD FROM x\n",
  "FROM ${nothing}\n",
  "FROM busybox\nSHELL /bin/sh\n",
  "FROM busybox\nCOPY ../../../../etc/hostname /\n",
])("%j is refused alike", async (file) => {
  await both(file);
});

test("a link in the context leads nowhere outside", async () => {
  symlinkSync("/etc/hostname", join(dir, "escape"));
  symlinkSync("../../../../../../etc", join(dir, "etc"));
  await both("FROM busybox\nCOPY escape /x\n");
  await both("FROM busybox\nCOPY etc/hostname /x\n");
});

test("on nothing, and over what is there", async () => {
  await both("FROM scratch\nENV A=1\nCOPY file /\nCOPY tree /t/\nLABEL x=y\n");
  await sameImage(`FROM busybox
RUN mkdir -p /out/real/sub; ln -s real /out/link; ln -s /out/real /out/absolute; chmod 700 /out/real/sub; chown 7:7 /out/real; echo old >/out/old; ln -s old /out/to-file; ln -s nowhere /out/dangling
COPY tree /out/link
COPY file /out/to-file
COPY file /out/dangling
COPY file /out/absolute/
COPY --from=busybox /etc/group /out/link/sub/
ADD tree.tgz /out/absolute/sub
WORKDIR /out/link/wd`);
}, 30_000);

test("a client that goes away leaves neither container nor mount", async () => {
  writeFileSync(join(dir, "Dockerfile"), "FROM busybox\nRUN echo started; sleep 1000\n");
  const child = Bun.spawn(engine.argv("docker", ["build", dir]), {
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
    stdout: "pipe",
    stderr: "ignore",
  });
  let said = "";
  for await (const bytes of child.stdout) {
    said += Buffer.from(bytes).toString();
    if (said.includes("started\n")) child.kill("SIGKILL");
  }
  const id = /Running in ([0-9a-f]{12})/.exec(said)![1]!;
  await eventually(
    "the step to be gone",
    async () => (await engine.run("docker", ["inspect", "--type=container", id])).code !== 0,
  );
  await eventually(
    "the context to be gone",
    async () => readdirSync(join(engine.dir, "data/builder")).length === 0,
  );
});

test("what a killed daemon has left goes at the next start", async () => {
  const builder = join(engine.dir, "data/builder");
  await must(["mkdir", "-p", `${builder}/context-x/sub`, `${builder}/build-x`]);
  await must(["mount", "-t", "tmpfs", "none", `${builder}/build-x`]);
  await engine.kill("skiffd");
  await engine.restart();
  await eventually("leftovers to be gone", async () => readdirSync(builder).length === 0);
});

test("skiff build says the same", async () => {
  const file = "FROM busybox\nENV Q=1\nRUN true\n";
  const docker = await build("ours", file, ["-t", "q"]);
  const skiff = await engine.run("skiff", ["build", "-q", "-t", "q", dir]);
  expect(skiff.code).toBe(0);
  expect(skiff.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect(docker.code).toBe(0);
  expect(await engine.ok("docker", ["image", "inspect", "-f", "{{.Id}}", "q"])).toBe(skiff.stdout.trim());
  expect(await engine.ok("docker", ["ps", "-aq", "--filter", "status=running"])).toBe("");
  expect(readdirSync(join(engine.dir, "data/builder"))).toEqual([]);
});
