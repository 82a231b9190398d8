/** What programs do with dockerode, step by step, under Node; see steps.ts for the lines printed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import Docker from "dockerode";

// tar-stream comes with dockerode's own tar-fs.
const require = createRequire(createRequire(import.meta.url).resolve("dockerode"));
const tar = createRequire(require.resolve("tar-fs"))("tar-stream");

const IMAGE = process.env.IMAGE;
const BUSYBOX = "busybox:latest";
const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace("unix://", "") });
let main;

/** What a multiplexed stream carried, once it has ended. */
async function demuxed(stream) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.once("end", () => {
    out.end();
    err.end();
  });
  const [stdout, stderr] = await Promise.all([text(out), text(err)]);
  return { stdout, stderr };
}

const followed = (stream) =>
  new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines))),
  );

const refused = (statusCode, message) => (error) => {
  assert.equal(error.statusCode, statusCode, String(error));
  assert.match(String(error.json?.message ?? error.reason), message);
  return true;
};

/** `--rm` removes a container after whoever waits for its end has heard of it. */
async function gone(container) {
  for (let tries = 0; tries < 400; tries++) {
    const found = await docker.listContainers({ all: true, filters: { id: [container.id] } });
    if (found.length === 0) return;
    await setTimeout(50);
  }
  throw new Error(`${container.id} is still there`);
}

const steps = {
  async daemon() {
    assert.equal(String(await docker.ping()), "OK");
    assert.equal((await docker.version()).Os, "linux");
    assert.equal((await docker.info()).OSType, "linux");
    assert.ok(Array.isArray((await docker.df()).Images));
  },

  async images() {
    const lines = await followed(await docker.pull(IMAGE));
    assert.match(lines.at(-1).status, /^Status: Downloaded newer image|^Status: Image is up to date/);
    const image = docker.getImage(IMAGE);
    assert.equal((await image.inspect()).Os, "linux");
    assert.ok((await image.history()).length >= 1);
    assert.match((await image.distribution()).Descriptor.digest, /^sha256:/);
    await image.tag({ repo: "boats/copy", tag: "one" });
    assert.ok((await docker.listImages()).some(({ RepoTags }) => RepoTags?.includes("boats/copy:one")));
    const archive = await buffer(await docker.getImage("boats/copy:one").get());
    assert.deepEqual(await docker.getImage("boats/copy:one").remove(), [{ Untagged: "boats/copy:one" }]);
    await followed(await docker.loadImage(archive));
    await docker.getImage("boats/copy:one").remove();
    await assert.rejects(docker.getImage("nothing").inspect(), refused(404, /No such image: nothing:latest/));
  },

  async create() {
    main = await docker.createContainer({
      Image: BUSYBOX,
      name: "ode-main",
      Cmd: ["sh", "-c", "echo ready; echo oops >&2; exec sleep 600"],
      Env: ["BOAT=skiff"],
      Labels: { sea: "south" },
      HostConfig: { Init: true, Memory: 64 << 20 },
    });
    await main.start();
    const { State, Name, Config } = await main.inspect();
    assert.deepEqual([State.Status, Name, Config.Labels.sea], ["running", "/ode-main", "south"]);
    const listed = await docker.listContainers({ filters: { label: ["sea=south"] } });
    assert.deepEqual(
      listed.map(({ Id }) => Id),
      [main.id],
    );
    await assert.rejects(
      docker.createContainer({ Image: BUSYBOX, name: "ode-main" }),
      refused(409, /Conflict/),
    );
  },

  async attach_hijacked() {
    const container = await docker.createContainer({
      ...{ Image: BUSYBOX, Cmd: ["sh", "-c", "cat; echo done >&2"], OpenStdin: true, StdinOnce: true },
    });
    const options = { stream: true, hijack: true, stdin: true, stdout: true, stderr: true };
    const stream = await container.attach(options);
    const output = demuxed(stream);
    await container.start();
    stream.end("one\ntwo\n");
    assert.deepEqual(await output, { stdout: "one\ntwo\n", stderr: "done\n" });
    assert.equal((await container.wait()).StatusCode, 0);
    await container.remove();
  },

  async attach_tty() {
    const container = await docker.createContainer({
      ...{ Image: BUSYBOX, Cmd: ["wc", "-c"], Tty: true, OpenStdin: true, AttachStdin: true },
    });
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true });
    const output = text(stream);
    await container.start();
    await container.resize({ h: 30, w: 90 });
    stream.write(`${"x".repeat(1000)}\n\x04`);
    assert.equal(await output, `${"x".repeat(1000)}\r\n1001\r\n`);
    await container.wait();
    await container.remove();
  },

  async run() {
    const out = new PassThrough();
    const output = text(out);
    const [result, container] = await docker.run(BUSYBOX, ["sh", "-c", "echo $0; exit 3", "word"], out, {
      HostConfig: { AutoRemove: true },
      Tty: true,
    });
    assert.equal(result.StatusCode, 3);
    assert.equal(await output, "word\r\n");
    await gone(container);
    await assert.rejects(container.inspect(), refused(404, /No such container/));
  },

  async exec() {
    const exec = await main.exec({
      ...{ Cmd: ["sh", "-c", "cat; echo $BOAT >&2; exit 4"], Env: ["BOAT=dinghy"] },
      ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
    });
    const stream = await exec.start({ hijack: true, stdin: true });
    const output = demuxed(stream);
    stream.end("through\n");
    assert.deepEqual(await output, { stdout: "through\n", stderr: "dinghy\n" });
    const { ExitCode, Running, ContainerID } = await exec.inspect();
    assert.deepEqual([ExitCode, Running, ContainerID], [4, false, main.id]);
    const plain = await main.exec({ Cmd: ["echo", "plain"], AttachStdout: true });
    assert.deepEqual(await demuxed(await plain.start({})), { stdout: "plain\n", stderr: "" });
  },

  async archives() {
    const pack = tar.pack();
    pack.entry({ name: "note", mode: 0o640 }, "afloat");
    pack.finalize();
    await main.putArchive(await buffer(pack), { path: "/var" });
    const { statusCode, headers } = await new Promise((resolve, reject) =>
      main.infoArchive({ path: "/var/note" }, (error, answer) => (error ? reject(error) : resolve(answer))),
    );
    const stat = JSON.parse(Buffer.from(headers["x-docker-container-path-stat"], "base64"));
    assert.deepEqual([statusCode, stat.name, stat.size], [200, "note", 6]);
    const extract = tar.extract();
    const found = new Promise((resolve) => {
      extract.on("entry", (header, stream, next) => {
        resolve(text(stream).then((content) => [header.name, content]));
        next();
      });
    });
    (await main.getArchive({ path: "/var/note" })).pipe(extract);
    assert.deepEqual(await found, ["note", "afloat"]);
    assert.ok((await main.changes()).some(({ Path, Kind }) => Path === "/var/note" && Kind === 1));
  },

  async logs_follow() {
    const container = await docker.createContainer({
      ...{ Image: BUSYBOX, Cmd: ["sh", "-c", "read go; for i in 1 2 3; do echo $i; done"], OpenStdin: true },
    });
    const stdin = await container.attach({ stream: true, hijack: true, stdin: true });
    await container.start();
    const stream = await container.logs({ follow: true, stdout: true, stderr: true });
    stdin.write("go\n");
    assert.deepEqual(await demuxed(stream), { stdout: "1\n2\n3\n", stderr: "" });
    const whole = await container.logs({ stdout: true, tail: 1 });
    assert.deepEqual([whole[0], String(whole.subarray(8))], [1, "3\n"]);
    await container.remove({ force: true });
  },

  async stats_and_top() {
    const once = await main.stats({ stream: false });
    assert.equal(once.memory_stats.limit, 64 << 20);
    const stream = await main.stats({ stream: true });
    const [line] = await nextData(stream);
    assert.equal(JSON.parse(line).id, main.id);
    stream.destroy();
    assert.ok((await main.top()).Processes.some((row) => row.at(-1) === "sleep 600"));
  },

  async lifecycle() {
    await main.pause();
    assert.equal((await main.inspect()).State.Paused, true);
    await main.unpause();
    await main.update({ CpuShares: 512 });
    assert.equal((await main.inspect()).HostConfig.CpuShares, 512);
    await main.rename({ name: "ode-renamed" });
    const next = main.wait({ condition: "next-exit" });
    await main.kill({ signal: "SIGTERM" });
    assert.equal((await next).StatusCode, 143);
    await assert.rejects(main.kill(), refused(409, /is not running/));
    await main.restart();
    await main.stop({ t: 0 });
    await assert.rejects(main.stop(), (error) => error.statusCode === 304);
    const image = await main.commit({ repo: "boats/ode", comment: "note" });
    assert.match(image.Id, /^sha256:/);
    await docker.getImage("boats/ode").remove();
  },

  async events() {
    const since = Math.floor(Date.now() / 1000);
    const stream = await docker.getEvents({ filters: { container: ["ode-renamed"] } });
    const [live] = await Promise.all([nextData(stream), main.start()]);
    assert.equal(JSON.parse(String(live[0]).split("\n")[0]).Action, "start");
    stream.destroy();
    await main.stop({ t: 0 });
    const past = await docker.getEvents({ since, until: Math.floor(Date.now() / 1000) + 1 });
    const actions = (await text(past))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const mine = actions.filter(({ Actor }) => Actor.ID === main.id).map(({ Action }) => Action);
    for (const action of ["start", "kill", "die", "stop"]) assert.ok(mine.includes(action), String(mine));
    await main.remove({ v: true });
    main = undefined;
  },

  async networks() {
    const network = await docker.createNetwork({ Name: "ode-net", Internal: true });
    const server = await docker.createContainer({
      ...{ Image: BUSYBOX, name: "ode-server", Cmd: ["httpd", "-f", "-h", "/etc"] },
      HostConfig: { Init: true, NetworkMode: "ode-net" },
    });
    await server.start();
    const out = new PassThrough();
    const page = text(out);
    const fetch = "until wget -q -O - http://ode-server/passwd 2>/dev/null; do sleep 0.1; done";
    await docker.run(BUSYBOX, ["sh", "-c", fetch], out, {
      ...{ Tty: false, HostConfig: { NetworkMode: "ode-net", AutoRemove: true } },
    });
    out.end();
    assert.match(await page, /plain:x:1000/);
    assert.deepEqual(
      Object.values((await network.inspect()).Containers).map(({ Name }) => Name),
      ["ode-server"],
    );
    await network.disconnect({ Container: server.id, Force: true });
    await network.connect({ Container: server.id, EndpointConfig: { Aliases: ["harbour"] } });
    assert.ok((await server.inspect()).NetworkSettings.Networks["ode-net"].Aliases.includes("harbour"));
    await assert.rejects(network.remove(), refused(403, /has active endpoints/));
    await server.remove({ force: true });
    await network.remove();
  },

  async volumes() {
    const volume = await docker.createVolume({ Name: "ode-volume", Labels: { sea: "south" } });
    const HostConfig = { Binds: ["ode-volume:/data"], AutoRemove: true };
    const out = new PassThrough();
    const output = text(out);
    const argv = ["sh", "-c", "echo kept >/data/file; cat /data/file"];
    const [, container] = await docker.run(BUSYBOX, argv, out, { HostConfig });
    await gone(container);
    out.end();
    assert.match(await output, /kept/);
    assert.equal((await volume.inspect()).Labels.sea, "south");
    assert.ok((await docker.listVolumes()).Volumes.some(({ Name }) => Name === "ode-volume"));
    await volume.remove();
    await assert.rejects(volume.inspect(), refused(404, /ode-volume/));
  },

  async prune() {
    await docker.createContainer({ Image: BUSYBOX, Labels: { old: "yes" } });
    const { ContainersDeleted } = await docker.pruneContainers({ filters: { label: ["old=yes"] } });
    assert.equal(ContainersDeleted.length, 1);
    await docker.createNetwork({ Name: "ode-unused" });
    assert.deepEqual((await docker.pruneNetworks()).NetworksDeleted, ["ode-unused"]);
    await docker.createVolume({});
    assert.equal((await docker.pruneVolumes()).VolumesDeleted.length, 1);
    assert.equal((await docker.pruneImages()).SpaceReclaimed, 0);
    assert.equal((await docker.pruneBuilder()).SpaceReclaimed, 0);
  },
};

function nextData(stream) {
  return once(stream, "data", { signal: AbortSignal.timeout(20_000) });
}

for (const [step, run] of Object.entries(steps)) {
  let error = null;
  const startedMs = Date.now();
  const late = setTimeout(25_000, undefined, { ref: false }).then(() => assert.fail("too slow"));
  try {
    await Promise.race([run(), late]);
  } catch (problem) {
    error = problem.stack ?? String(problem);
  }
  process.stdout.write(`${JSON.stringify({ step, error, ms: Date.now() - startedMs })}\n`);
}
process.exit(0);
