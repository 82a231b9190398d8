/**
 * `make bench`: ratios against the genuine programs, interleaved in one run, medians; prints the table that docs/benchmarks.md holds
 * and writes it there with `--write`. Nothing is judged here: a benchmark measures, tests judge behaviour.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { DIST, DOCKER, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { must, shell } from "../harness/shell.ts";
import { exec, type Figure, interleave, type Variant } from "./measure.ts";
import { overheadKb, processes, pssKb } from "./memory.ts";
import { type Dockerd, makeBundle, preparePodman, startDockerd } from "./peers.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 15);
const IDLE = 20;
const PARALLEL = 50;

interface Row {
  readonly what: string;
  readonly figures: readonly Figure[];
  /** The variant that the others are divided by. */
  readonly base: string;
}

interface Bench {
  readonly engine: Engine;
  readonly dockerd: Dockerd;
  readonly podman: readonly string[];
  readonly dir: string;
}

/** The same operation through dockerd, and through skiffd with either client. */
function engines(
  bench: Bench,
  name: string,
  args: (tag: string) => readonly (readonly string[])[],
): Variant[] {
  const clients: readonly [string, (args: readonly string[]) => string[]][] = [
    ["dockerd, docker CLI", bench.dockerd.argv],
    ["skiffd, docker CLI", (more) => bench.engine.argv("docker", more)],
    ["skiffd, skiff", (more) => bench.engine.argv("skiff", more)],
  ];
  return clients.map(([label, argv]) => ({
    name: label,
    run: async () => {
      for (const one of args(`${name}-${crypto.randomUUID().slice(0, 8)}`)) await exec(argv(one));
    },
  }));
}

async function containers(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  const row = async (what: string, variants: readonly Variant[], rounds = ROUNDS) => {
    rows.push({ what, figures: await interleave(variants, rounds), base: variants[0]!.name });
    console.error(`measured ${what}`);
  };
  for (const network of ["bridge", "none", "host"]) {
    const run = ["run", "--rm", "--network", network, "busybox", "true"];
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    const podman = {
      name: "podman",
      run: () => exec([...bench.podman, "run", "--rm", "--network", network, ...limits, "busybox", "true"]),
    };
    const others = network === "bridge" ? [] : [podman];
    await row(`run --rm busybox true, ${network}`, [...engines(bench, "run", () => [run]), ...others]);
  }
  for (const argv of [bench.dockerd.argv, (args: readonly string[]) => bench.engine.argv("docker", args)]) {
    await must(argv(["run", "-d", "--name", "bench-exec", "busybox", "sleep", "1000"]));
  }
  await row(
    "exec true",
    engines(bench, "exec", () => [["exec", "bench-exec", "true"]]),
  );
  await row(
    "create + start + stop -t 0 + rm",
    engines(bench, "life", (tag) => [
      ["create", "--name", tag, "busybox", "sleep", "1000"],
      ["start", tag],
      ["stop", "-t", "0", tag],
      ["rm", tag],
    ]),
  );
  await row(`${PARALLEL} × run -d in parallel`, parallel(bench), 3);
  return rows;
}

function parallel(bench: Bench): Variant[] {
  const variant = (name: string, argv: (args: readonly string[]) => string[]): Variant => {
    let names: string[] = [];
    return {
      name,
      async run() {
        names = Array.from({ length: PARALLEL }, () => crypto.randomUUID().slice(0, 12));
        await Promise.all(
          names.map((one) => exec(argv(["run", "-d", "--name", one, "busybox", "sleep", "1000"]))),
        );
      },
      after: () => exec(argv(["rm", "-f", ...names])),
    };
  };
  return [
    variant("dockerd, docker CLI", bench.dockerd.argv),
    variant("skiffd, docker CLI", (args) => bench.engine.argv("docker", args)),
    variant("skiffd, skiff", (args) => bench.engine.argv("skiff", args)),
  ];
}

async function runtimes(bench: Bench): Promise<Row[]> {
  const bundle = await makeBundle(join(bench.dir, "bundle"), ["true"]);
  const variant = (name: string, binary: string): Variant => ({
    name,
    run: () =>
      exec([
        binary,
        "--root",
        join(bench.dir, name),
        "run",
        "--bundle",
        bundle,
        `b${crypto.randomUUID().slice(0, 8)}`,
      ]),
  });
  const oci = [variant("runc", "runc"), variant("skiff-runc", `${DIST}/skiff-runc`)];
  const version = [
    { name: "docker", run: () => exec([DOCKER, "--version"]) },
    { name: "skiff", run: () => exec([`${DIST}/skiff`, "--version"]) },
  ];
  return [
    { what: "OCI run true", figures: await interleave(oci, ROUNDS * 2), base: "runc" },
    { what: "--version", figures: await interleave(version, ROUNDS * 2), base: "docker" },
  ];
}

/** kB per idle container for either engine. */
async function density(bench: Bench): Promise<[string, number][]> {
  const skiffDaemons = [bench.engine.daemonPid(), bench.engine.containerdPid()];
  const found: [string, number][] = [];
  const skiff = (args: readonly string[]) => bench.engine.argv("docker", args);
  for (const [name, argv, pids, directory] of [
    ["dockerd", bench.dockerd.argv, [bench.dockerd.pid], bench.dockerd.dir],
    ["skiffd", skiff, skiffDaemons, bench.engine.dir],
  ] as const) {
    const names = Array.from({ length: IDLE }, (_, i) => `idle-${name}-${i}`);
    const daemons = new Map(pids.map((pid) => [pid, pssKb(pid)]));
    const before = new Set(processes());
    for (const one of names) await must(argv(["run", "-d", "--name", one, "busybox", "sleep", "1000"]));
    await Bun.sleep(2000);
    found.push([name, overheadKb(directory, before, daemons) / IDLE]);
    await must(argv(["rm", "-f", ...names]), { timeoutMs: 120_000 });
  }
  return found;
}

function table(rows: readonly Row[], memory: readonly [string, number][]): string {
  const lines = [
    "| operation | variant | median ms | min ms | ratio of medians |",
    "|---|---|---:|---:|---:|",
  ];
  for (const { what, figures, base } of rows) {
    const basis = figures.find((figure) => figure.name === base)!.median;
    for (const { name, median, min } of figures) {
      lines.push(
        `| ${what} | ${name} | ${median.toFixed(1)} | ${min.toFixed(1)} | ${(median / basis).toFixed(2)} |`,
      );
    }
  }
  lines.push("", "| idle container | kB (PSS of all that stays, payload left out) |", "|---|---:|");
  for (const [name, kb] of memory) lines.push(`| ${name} | ${kb.toFixed(0)} |`);
  return lines.join("\n");
}

async function versions(): Promise<string> {
  const first = async (...argv: string[]) => (await shell(argv)).stdout.split("\n")[0];
  const peers = [
    await first("dockerd", "--version"),
    await first(DOCKER, "--version"),
    await first("runc", "--version"),
  ];
  return [...peers, await first("podman", "--version")].join("; ");
}

async function page(body: string): Promise<string> {
  const machine = `${cpus().length} × ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Linux ${release()}`;
  return `# Benchmarks\n\nMade by \`make bench\` (interleaved, ${ROUNDS} rounds, medians) on ${machine}, cgroup v1 hybrid, shared with other work: read the
ratios, not the milliseconds. Peers: ${await versions()}.\n\n${body}\n`;
}

async function main(): Promise<void> {
  const dir = mkdtempSync("/tmp/skiff-bench-");
  await using dockerd = await startDockerd();
  await using engine = await startEngine();
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
  const bench: Bench = { engine, dockerd, podman: await preparePodman(join(dir, "podman")), dir };
  try {
    const rows = [...(await runtimes(bench)), ...(await containers(bench))];
    const text = await page(table(rows, await density(bench)));
    console.log(text);
    if (process.argv.includes("--write")) writeFileSync("docs/benchmarks.md", text);
  } finally {
    await exec(dockerd.argv(["rm", "-f", "bench-exec"])).catch(() => undefined);
    await shell(["umount", join(dir, "podman/root/overlay")]);
    rmSync(dir, { recursive: true, force: true });
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
