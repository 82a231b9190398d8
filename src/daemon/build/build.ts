/** A Dockerfile from its first line to its last, told in dockerd's words. */
import { SkiffError } from "../../lib/errors.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { environmentOf } from "./config.ts";
import { expandWord, rawWords } from "./dockerfile/expand.ts";
import type { Line } from "./dockerfile/lines.ts";
import { type Dockerfile, parseTrigger, type Stage } from "./dockerfile/stages.ts";
import { findBase } from "./from.ts";
import type { Build, StageState } from "./parts.ts";
import { removeContainers } from "./run.ts";
import { carryOut, parseArgument } from "./steps.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const STAGES_MAX = 1000;

export const shortId = (id: string) => id.slice(id.indexOf(":") + 1).slice(0, 12);

/** As far as the stage that is asked for. @throws invalid_argument */
function stagesOf({ stages }: Dockerfile, target: string): readonly Stage[] {
  if (stages.length > STAGES_MAX) throw new SkiffError("invalid_argument", "too many stages");
  for (const [index, { name }] of stages.entries())
    if (name !== "" && stages.slice(0, index).some((earlier) => earlier.name === name))
      throw new SkiffError("invalid_argument", `duplicate name ${name}`);
  if (target === "") return stages;
  const at = stages.findIndex(({ name }) => name === target.toLowerCase());
  if (at < 0)
    throw new SkiffError("invalid_argument", `failed to reach build target ${target} in Dockerfile`);
  return stages.slice(0, at + 1);
}

function withPath(config: ImageDefaults): ImageDefaults {
  return environmentOf(config).has("PATH") ? config : { ...config, Env: [...(config.Env ?? []), PATH] };
}

async function begin(build: Build, { name, base, platform }: Stage, esc: string): Promise<StageState> {
  const variables = build.arguments.globals();
  const from = expandWord(base, esc, variables);
  if (from === "") throw new SkiffError("invalid_argument", `base name (${base}) should not be blank`);
  const earlier = build.stages.find((stage) => stage.name !== "" && stage.name === from.toLowerCase());
  const fresh = { name, author: "", commandSet: false };
  build.cacheBroken = false;
  build.arguments.nextStage();
  if (earlier === undefined && from === "scratch")
    return { ...fresh, imageId: "", image: undefined, config: withPath({}) };
  const found =
    earlier === undefined
      ? await findBase(build, from, expandWord(platform, esc, variables))
      : { id: earlier.imageId, image: earlier.image };
  const config = found.image?.configuration.config ?? {};
  return {
    ...fresh,
    ...{ imageId: found.id, image: found.image, config: withPath(config) },
  };
}

/** ONBUILD of the base image: carried out here, and not inherited further. */
async function trigger(build: Build, stage: StageState): Promise<void> {
  const { OnBuild, ...config } = stage.config;
  stage.config = config;
  if (OnBuild === undefined || OnBuild === null || OnBuild.length === 0) return;
  build.say(`# Executing ${OnBuild.length} build trigger${OnBuild.length > 1 ? "s" : ""}`);
  build.say("\n");
  for (const text of OnBuild) {
    const { line, esc } = parseTrigger(text);
    await step(build, stage, line, esc);
  }
}

async function step(build: Build, stage: StageState, line: Line, esc: string): Promise<void> {
  if (build.signal.aborted) throw new SkiffError("canceled", "Build cancelled");
  let done = false;
  try {
    await carryOut(build, stage, line, esc);
    done = true;
  } finally {
    const { forceRemove, remove } = build.request;
    // Nobody is left who would look at what a cancelled step was.
    if (forceRemove || (remove && done) || build.signal.aborted) await removeContainers(build);
  }
}

const labelLine = ([name, value]: readonly [string, string]): Line => ({
  ...{ name: "label", flags: [], original: `LABEL ${name}=${value}`, number: 0 },
  rest: `'${name.replaceAll("'", `'"'"'`)}'='${value.replaceAll("'", `'"'"'`)}'`,
});

/** Answers the image's id. */
export async function buildDockerfile(build: Build, dockerfile: Dockerfile): Promise<string> {
  const { esc, globals } = dockerfile;
  const stages = stagesOf(dockerfile, build.request.target);
  const labels = Object.entries(build.request.labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(labelLine);
  const count = globals.length + stages.length + labels.length;
  const total = count + stages.reduce((sum, { lines }) => sum + lines.length, 0);
  let number = 0;
  const tell = ({ original }: Line) => {
    build.say(`Step ${++number}/${total} : ${original}`);
    build.say("\n");
  };
  for (const line of globals) {
    tell(line);
    for (const word of rawWords(line.rest, esc))
      build.arguments.declareGlobal(...parseArgument(word, esc, build.arguments.globals()));
  }
  for (const stage of stages) {
    tell(stage.from);
    const state = await begin(build, stage, esc);
    build.stages.push(state);
    await trigger(build, state);
    build.say(` ---> ${shortId(state.imageId)}\n`);
    for (const line of stage === stages.at(-1) ? [...stage.lines, ...labels] : stage.lines) {
      tell(line);
      await step(build, state, line, esc);
      build.say(` ---> ${shortId(state.imageId)}\n`);
    }
    if (state.imageId !== "") build.line({ aux: { ID: state.imageId } });
  }
  const unused = build.arguments.unused();
  if (unused.length > 0)
    build.say(`[Warning] One or more build-args [${unused.join(" ")}] were not consumed\n`);
  const id = build.stages.at(-1)?.imageId ?? "";
  if (id === "") throw new SkiffError("unknown", "No image was generated. Is your Dockerfile empty?");
  return id;
}
