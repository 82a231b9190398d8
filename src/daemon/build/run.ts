/** RUN: a container on the image so far, whose changes become a layer. */
import { FRAME } from "../../contracts/shim/stdio.ts";
import { rfc3339Nano } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { ClientStream } from "../containers/streams.ts";
import { diffOf } from "../images/commit.ts";
import { danglingName } from "../images/names.ts";
import { writeImage } from "../images/new-image.ts";
import { putImage } from "../images/store.ts";
import { commit, probe, type Step } from "./commit.ts";
import { environmentOf, shellOf } from "./config.ts";
import type { Line } from "./dockerfile/lines.ts";
import { jsonList } from "./dockerfile/stages.ts";
import type { Build, StageState } from "./parts.ts";

const shortId = (id: string) => id.slice(0, 12);

/** A failed command: `errorDetail` has its exit code. */
export class StepFailure extends SkiffError {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super("unknown", message);
  }
}

/** A RUN on nothing needs something to lie on. */
async function ensureImage(build: Build, stage: StageState): Promise<string> {
  if (stage.imageId !== "") return stage.imageId;
  const { images } = build.parts;
  const created = rfc3339Nano(images.clock.nowNs());
  const target = await writeImage(
    images,
    { platform: images.platform, created, author: "", config: {}, layers: [], diffIds: [], history: [] },
    build.lease,
  );
  await putImage(images, danglingName(target.digest), target);
  return target.digest;
}

/** What the container writes goes to the client as it comes: standard error in red, as dockerd has it. */
function output(build: Build, gone: AbortSignal): ClientStream {
  const decoders = { out: new TextDecoder(), err: new TextDecoder() };
  return {
    input: (async function* () {})(),
    gone,
    async write(frame) {
      const isError = frame[0] === FRAME.stderr;
      const text = decoders[isError ? "err" : "out"].decode(frame.subarray(8), { stream: true });
      if (text !== "") build.say(isError ? `\u001b[91m${text}\u001b[0m` : text);
      await build.drain();
    },
  };
}

async function runToEnd(build: Build, id: string): Promise<number> {
  const { lifecycle, views } = build.parts.containers;
  const attachment = views.attach(id, {
    ...{ logs: false, stream: true, stdin: false, stdout: true, stderr: true, detachKeys: "" },
  });
  const forget = new AbortController();
  const { report } = lifecycle.wait(id, "next-exit", forget.signal);
  const kill = () => void lifecycle.kill(id, "").catch(() => {});
  build.signal.addEventListener("abort", kill);
  try {
    const attached = attachment.run(output(build, AbortSignal.any([build.signal, forget.signal])));
    attached.catch(() => {});
    try {
      await lifecycle.start(id);
    } catch (error) {
      throw new SkiffError("unknown", (error as Error).message, { cause: error });
    }
    // A container that was not yet known to run when the client went could not be killed then.
    if (build.signal.aborted) kill();
    const { StatusCode } = await report;
    await attached;
    if (build.signal.aborted) throw new SkiffError("canceled", "build cancelled");
    return StatusCode;
  } finally {
    build.signal.removeEventListener("abort", kill);
    forget.abort();
  }
}

export async function removeContainers(build: Build): Promise<void> {
  for (let id = build.containers.pop(); id !== undefined; id = build.containers.pop()) {
    await build.parts.containers.lifecycle.remove(id, { volumes: true, force: true });
    build.say(` ---> Removed intermediate container ${shortId(id)}\n`);
  }
}

export async function run(build: Build, stage: StageState, line: Line): Promise<void> {
  const command = jsonList(line) ?? [...shellOf(stage.config), line.rest];
  const environment = environmentOf(stage.config);
  const given = build.arguments
    .allowed(environment)
    .map(([name, value]) => ({ name, text: `${name}=${value}` }));
  const told = given.filter(({ name }) => build.arguments.isTold(name)).map(({ text }) => text);
  const createdBy = [...(given.length > 0 ? [`|${told.length}`, ...told] : []), ...command].join(" ");
  const step: Step = {
    createdBy,
    config: stage.config,
    inputs: [JSON.stringify(["run", command, told, build.request.host["NetworkMode"]])],
  };
  if (await probe(build, stage, step)) return;
  const { lifecycle } = build.parts.containers;
  const { Id } = await lifecycle.create({
    name: "",
    platform: "",
    config: {
      ...stage.config,
      Image: await ensureImage(build, stage),
      Cmd: command,
      Entrypoint: [""],
      Env: [...(stage.config.Env ?? []), ...given.map(({ text }) => text)],
      Healthcheck: { Test: ["NONE"] },
      ...{ AttachStdout: true, AttachStderr: true },
    },
    hostConfig: build.request.host,
    endpoints: {},
  });
  build.containers.push(Id);
  build.say(` ---> Running in ${shortId(Id)}\n`);
  const code = await runToEnd(build, Id);
  if (code !== 0)
    throw new StepFailure(`The command '${command.join(" ")}' returned a non-zero code: ${code}`, code);
  await commit(build, stage, step, await diffOf(build.parts.images, Id, build.lease));
}
