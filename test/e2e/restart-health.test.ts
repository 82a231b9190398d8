/** Restart policies and healthchecks through the docker CLI; `SKIFF_TEST_ENGINE=dockerd` judges the test itself. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { eventually } from "../harness/shell.ts";

const GENUINE = process.env["SKIFF_TEST_ENGINE"] !== undefined;

let engine: Engine;
let since: string;
beforeAll(async () => {
  engine = await startEngine({ network: "none", flags: GENUINE ? ["--live-restore"] : [] });
  since = String(Math.floor(Date.now() / 1000));
  await ok("load", "-q", "-i", await busyboxArchive());
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const ok = (...args: string[]) => engine.ok("docker", args);
const fails = async (...args: string[]) => (await engine.run("docker", args)).stderr.trim();
const run = (name: string, ...args: string[]) =>
  ok("run", "-d", "--network", "none", "--name", name, ...args);
const inspect = (name: string, format: string) => ok("inspect", "-f", format, name);
const state = (name: string) => inspect(name, "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}");
const health = async (name: string) => JSON.parse(await inspect(name, "{{json .State.Health}}"));
const status = (name: string) => ok("ps", "-a", "--filter", `name=^/${name}$`, "--format", "{{.Status}}");
const until = (name: string, wanted: string) =>
  eventually(`${name} to be ${wanted}`, async () => (await state(name)) === wanted);
const untilHealth = (name: string, wanted: string) =>
  eventually(`${name} to be ${wanted}`, async () => (await health(name)).Status === wanted);

async function actions(name: string): Promise<string[]> {
  const now = String(Math.floor(Date.now() / 1000) + 1);
  const filters = ["--filter", `container=${name}`, "--since", since, "--until", now];
  return (await ok("events", ...filters, "--format", "{{.Action}}")).split("\n");
}

test("on-failure gives up after its tries", async () => {
  await run("tries", "--restart", "on-failure:2", "busybox", "sh", "-c", "exit 3");
  await until("tries", "exited 3 2");
  const story = ["create", "start", "die", "start", "die", "start", "die"];
  expect(await actions("tries")).toEqual(story);
  expect(await ok("wait", "tries")).toBe("3");
  // Nothing to try again after a success.
  await run("fine", "--restart", "on-failure", "busybox", "true");
  expect(await ok("wait", "fine")).toBe("0");
  expect(await state("fine")).toBe("exited 0 0");
});

test("between two runs: restarting, and what may be done then", async () => {
  // The client's own run ends with the first exit.
  const words = ["run", "--network", "none", "--name", "again", "--restart", "always", "busybox", "false"];
  expect((await engine.run("docker", words)).code).toBe(1);
  await eventually("a long pause", async () => (await inspect("again", "{{.RestartCount}}")) >= "5");
  await eventually("restarting", async () => (await state("again")).startsWith("restarting 1 "));
  expect(await status("again")).toMatch(/^Restarting \(1\) .* ago$/);
  const id = await inspect("again", "{{.Id}}");
  expect(await fails("exec", "again", "true")).toContain(
    `Container ${id} is restarting, wait until the container is running`,
  );
  expect(await fails("pause", "again")).toContain(`Container ${id} is restarting, wait until`);
  expect(await fails("rm", "again")).toMatch(
    /top the container before (attempting removal|removing) or force/,
  );
  expect(await inspect("again", "{{.State.Running}} {{.State.Pid}}")).toBe("true 0");
  expect(await ok("start", "again")).toBe("again");
  expect(await ok("stop", "again")).toBe("again");
  expect(await state("again")).toMatch(/^exited 1 \d$/);
  expect((await actions("again")).slice(-2)).toEqual(["die", "stop"]);
  await ok("start", "again");
  await until("again", "restarting 1 2");
  await ok("rm", "-f", "again");
});

test("the user's signals and update", async () => {
  await run("kept", "--restart", "always", "busybox", "sleep", "1000");
  await ok("kill", "kept");
  expect(await ok("wait", "kept")).toBe("137");
  expect(await state("kept")).toBe("exited 137 0");
  await ok("start", "kept");
  await ok("restart", "-t", "0", "kept");
  expect(await state("kept")).toBe("running 0 0");
  await ok("update", "--restart", "no", "kept");
  expect(await inspect("kept", "{{json .HostConfig.RestartPolicy}}")).toBe(
    '{"Name":"no","MaximumRetryCount":0}',
  );
  await ok("rm", "-f", "kept");
  expect(await fails("run", "--rm", "--restart", "always", "busybox", "true")).toContain(
    "conflicting options: cannot specify both --restart and --rm",
  );
  const id = await ok("create", "--rm", "--name", "once", "busybox", "true");
  expect(await fails("update", "--restart", "always", "once")).toBe(
    `Error response from daemon: Cannot update container ${id}: Restart policy cannot be updated because AutoRemove is enabled for the container`,
  );
  expect(await fails("update", "--restart", "foo", "once")).toContain("invalid restart policy");
});

test("a signal that was not meant to end it ends its policy all the same, unless a stop signal is named", async () => {
  const script = "trap : USR1; until test -e /go; do sleep 0.05; done; rm /go; exit 5";
  for (const [name, ...flags] of [["plain-signal"], ["named-signal", "--stop-signal", "TERM"]] as const) {
    await run(name, ...flags, "--restart", "always", "busybox", "sh", "-c", script);
    await ok("kill", "-s", "USR1", name);
    await ok("exec", name, "touch", "/go");
  }
  await until("plain-signal", "exited 5 0");
  await until("named-signal", "running 0 1");
  await ok("rm", "-f", "plain-signal", "named-signal");
});

test("a check: starting, unhealthy, healthy, paused, stopped; events as of any exec", async () => {
  const check = ["--health-cmd", "test -e /ok && echo fine", "--health-interval", "300ms"];
  await ok(
    ...["create", "--network", "none", "--name", "sick", ...check, "--health-retries", "2"],
    ...["busybox", "sleep", "1000"],
  );
  expect(await health("sick")).toBeNull();
  expect(await ok("ps", "-a", "--filter", "health=none", "--format", "{{.Names}}")).toContain("sick");
  await ok("start", "sick");
  expect(await health("sick")).toMatchObject({ Status: "starting", FailingStreak: 0 });
  await untilHealth("sick", "unhealthy");
  expect((await health("sick")).Log.at(-1)).toMatchObject({ ExitCode: 1, Output: "" });
  await ok("exec", "sick", "touch", "/ok");
  await untilHealth("sick", "healthy");
  const found = await health("sick");
  expect(found.FailingStreak).toBe(0);
  expect(found.Log.at(-1)).toMatchObject({ ExitCode: 0, Output: "fine\n" });
  expect(await status("sick")).toMatch(/^Up .* \(healthy\)$/);
  expect(await ok("ps", "--filter", "health=healthy", "--format", "{{.Names}}")).toBe("sick");
  expect((await fails("ps", "--filter", "health=bogus")).toLowerCase()).toContain(
    "unrecogni", // GB or US
  );
  await ok("pause", "sick");
  expect((await health("sick")).Status).toBe("unhealthy");
  await ok("unpause", "sick");
  await untilHealth("sick", "healthy");
  await ok("stop", "-t", "0", "sick");
  expect((await health("sick")).Status).toBe("unhealthy");
  const story = await actions("sick");
  const command = "/bin/sh -c test -e /ok && echo fine";
  expect(story.slice(0, 5)).toEqual([
    "create",
    "start",
    `exec_create: ${command}`,
    `exec_start: ${command}`,
    "exec_die",
  ]);
  expect(story.filter((action) => action.startsWith("health"))).toEqual([
    "health_status: unhealthy",
    "health_status: healthy",
    "health_status: healthy",
  ]);
});

test("probes that take too long, cannot run, say too much; checks of the image", async () => {
  const quick = ["--health-interval", "200ms", "--health-timeout", "300ms", "--health-retries", "1"];
  await run("slow", "--health-cmd", "echo before; sleep 5", ...quick, "busybox", "sleep", "1000");
  await run("loud", "--health-cmd", "yes | head -n 3000", ...quick, "busybox", "sleep", "1000");
  await ok("create", "--name", "plain", "busybox", "sleep", "1000");
  const change = 'HEALTHCHECK --interval=200ms --retries=1 CMD ["nope"]';
  await ok("commit", "--change", change, "plain", "checked");
  await run("image", "checked");
  await run("unchecked", "--no-healthcheck", "checked");
  await untilHealth("slow", "unhealthy");
  const [first] = (await health("slow")).Log;
  expect(first).toMatchObject({ ExitCode: -1 });
  expect(first.Output).toMatch(/^Health check exceeded timeout \(300ms\)(: before\n)?$/);
  await eventually("a result", async () => (await health("loud")).Log.length > 0);
  expect((await health("loud")).Log[0].Output).toBe(`${"y\n".repeat(2048)}...`);
  await untilHealth("image", "unhealthy");
  const [nope] = (await health("image")).Log;
  expect(nope.ExitCode).toBe(-1);
  expect(nope.Output).toContain('exec: "nope": executable file not found in $PATH');
  expect(await inspect("image", "{{json .Config.Healthcheck}}")).toBe(
    '{"Test":["CMD","nope"],"Interval":200000000,"Retries":1}',
  );
  expect(await health("unchecked")).toBeNull();
  await ok("rm", "-f", "slow", "loud", "image", "unchecked");
});

test.skipIf(GENUINE)("skiffd and containerd killed: policies applied, health kept", async () => {
  const policies = ["no", "always", "unless-stopped", "on-failure"];
  for (const policy of policies) {
    await run(`ran-${policy}`, "--restart", policy, "busybox", "sleep", "1000");
    await run(`told-${policy}`, "--restart", policy, "busybox", "sleep", "1000");
  }
  await ok("stop", "-t", "0", ...policies.map((policy) => `told-${policy}`));
  const check = ["--health-cmd", "test ! -e /sick", "--health-interval", "300ms", "--health-retries", "1"];
  await run("well", ...check, "busybox", "sleep", "1000");
  await untilHealth("well", "healthy");
  const pids = await ok(...["inspect", "-f", "{{.State.Pid}}", ...policies.map((policy) => `ran-${policy}`)]);
  await engine.kill("skiffd");
  await engine.kill("containerd");
  for (const pid of pids.split("\n")) process.kill(Number(pid), "SIGKILL");
  await engine.restart();
  expect((await health("well")).Status).toBe("healthy");
  const now = async (prefix: string) =>
    Promise.all(policies.map(async (policy) => `${policy} ${await state(`${prefix}-${policy}`)}`));
  expect(await now("ran")).toEqual([
    "no exited 137 0",
    "always running 0 0",
    "unless-stopped running 0 0",
    "on-failure running 0 0",
  ]);
  expect(await now("told")).toEqual([
    "no exited 137 0",
    "always running 0 0",
    "unless-stopped exited 137 0",
    "on-failure running 0 0",
  ]);
  await ok("exec", "well", "touch", "/sick");
  await untilHealth("well", "unhealthy");
});
