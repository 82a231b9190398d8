/** The supervisor's log against the genuine dockerd's, byte for byte but for the times. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FRAME } from "../contracts/shim/stdio.ts";
import { attach, createBench } from "./testing.ts";

const CUT = 16_384;
const TIME = /"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])?Z)"\}$/;
const DOCKERD_MS_MAX = 60_000;

/** Lines that have gone wrong somewhere before: escapes, invalid UTF-8, cuts inside characters, no last newline. */
function nastyOutput(): Buffer {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i).filter((byte) => byte !== 10));
  const parts: (string | Buffer)[] = [
    "plain\n",
    "\n",
    '<b>&"\\\t\r\n',
    "\u2028\u2029\ufffd é € 😀\n",
    all,
    "\n",
  ];
  for (const bad of [
    "c080",
    "eda080",
    "f4908080",
    "e282",
    "f09f98",
    "80",
    "fe",
    "c3",
    "edbfbf",
    "f08f8080",
  ]) {
    parts.push(Buffer.from(bad, "hex"), "x\n", "y", Buffer.from(bad, "hex"), "\n");
  }
  for (const length of [CUT - 1, CUT, CUT + 1, 2 * CUT, 2 * CUT + 1, 3 * CUT + 17]) {
    parts.push(
      "a".repeat(length),
      "\n",
      "€".repeat(length / 3),
      "\n",
      "\u0001".repeat(length),
      "\n",
      `short ${length}\n`,
    );
  }
  parts.push("last line without its newline");
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

/** Entries without their times, and for each whether it has the time of the one before. */
function shape(log: string): { readonly lines: string[]; readonly sameTime: boolean[] } {
  const lines = log.trimEnd().split("\n");
  const times = lines.map((line) => TIME.exec(line)?.[1] ?? `no time in ${line.slice(-80)}`);
  expect(times.filter((time) => time.startsWith("no time"))).toEqual([]);
  return {
    lines: lines.map((line) => line.replace(TIME, "")),
    /* Only a cut line repeats its time for sure. */
    sameTime: times.map(
      (time, i) => i > 0 && !lines[i - 1]!.includes('\\n","stream"') && time === times[i - 1],
    ),
  };
}

async function dockerdLog(directory: string, output: string): Promise<string> {
  const host = `unix://${directory}/docker.sock`;
  const own = ["--data-root", "--exec-root"].map((flag) => `${flag}=${directory}/${flag.slice(2)}`);
  const network = ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"];
  const daemon = Bun.spawn(
    [
      "dockerd",
      "-H",
      host,
      ...own,
      ...network,
      `--pidfile=${directory}/pid`,
      "--storage-driver=vfs",
      "--cgroup-parent=/skiff-shim-test",
    ],
    { stdio: ["ignore", "ignore", Bun.file(`${directory}/dockerd.err`)] },
  );
  const docker = (...args: string[]) =>
    Bun.spawnSync(["docker", "-H", host, ...args])
      .stdout.toString()
      .trim();
  try {
    for (const end = Date.now() + DOCKERD_MS_MAX; docker("version", "-f", "{{.Server.Version}}") === ""; ) {
      if (daemon.exitCode !== null || Date.now() > end)
        throw new Error(readFileSync(`${directory}/dockerd.err`, "utf8"));
      await Bun.sleep(100);
    }
    Bun.spawnSync(["sh", "-c", `tar -C ${directory}/rootfs -c . | docker -H ${host} import - nasty`]);
    const run = [
      "run",
      "-d",
      "--network=none",
      "-v",
      `${output}:/output:ro`,
      "nasty",
      "/bin/busybox",
      "cat",
      "/output",
    ];
    const id = docker(...run);
    docker("wait", id);
    return readFileSync(`${directory}/data-root/containers/${id}/${id}-json.log`, "utf8");
  } finally {
    daemon.kill();
    await daemon.exited;
  }
}

const bench = createBench();
const directory = mkdtempSync("/tmp/skiff-dockerd-");
afterAll(() => {
  bench.close();
  rmSync(directory, { recursive: true, force: true });
});

test(
  "json-file is what dockerd writes",
  async () => {
    writeFileSync(`${bench.directory}/rootfs/tmp/output`, nastyOutput());
    mkdirSync(join(directory, "rootfs/bin"), { recursive: true });
    Bun.spawnSync(["cp", "/usr/bin/busybox", join(directory, "rootfs/bin/busybox")]);
    const stdio = bench.supervised("nasty");
    const ref = { namespace: "test", id: "nasty", execId: "" };
    await bench.service.create(bench.task("nasty", "cat /tmp/output", { stdio }));
    const client = await attach(`${bench.directory}/nasty.sock`);
    await client.hello;
    await bench.service.start(ref);
    await bench.service.wait(ref);
    await bench.service.delete(ref);
    await client.ended;
    const attached = client.frames.filter(({ type }) => type === FRAME.stdout).map(({ payload }) => payload);
    expect(Buffer.concat(attached).equals(nastyOutput())).toBe(true);
    const ours = shape(bench.log("nasty"));
    const theirs = shape(await dockerdLog(directory, `${bench.directory}/rootfs/tmp/output`));
    expect(ours.lines).toEqual(theirs.lines);
    expect(ours.sameTime).toEqual(theirs.sameTime);
  },
  2 * DOCKERD_MS_MAX,
);
