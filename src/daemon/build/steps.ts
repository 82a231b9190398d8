/** One instruction carried out. */

import { O } from "../../kernel/constants.ts";
import { unless } from "../../kernel/errno.ts";
import { cleanName, TreePaths } from "../../kernel/tree/paths.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { commit, probe } from "./commit.ts";
import { CONFIG_CHANGES, environmentOf, shellOf, workingDirectory } from "./config.ts";
import { openInside } from "./context.ts";
import { copy } from "./copy.ts";
import { expandWord, rawWords } from "./dockerfile/expand.ts";
import type { Line } from "./dockerfile/lines.ts";
import type { Build, StageState } from "./parts.ts";
import { changing } from "./rootfs.ts";
import { run } from "./run.ts";

const comment = (config: ImageDefaults, text: string) => [...shellOf(config), "#(nop) ", text].join(" ");

/** Environment and build arguments. */
export function variablesOf(build: Build, stage: StageState): Map<string, string> {
  const environment = environmentOf(stage.config);
  return new Map([...environment, ...build.arguments.allowed(environment)]);
}

/** A step that only says something: no container is made for it, the id is the step's own. */
async function describe(build: Build, stage: StageState, config: ImageDefaults, text: string): Promise<void> {
  const step = { createdBy: comment(config, text), config, inputs: [] };
  if (await probe(build, stage, step)) return;
  const id = build.parts.images.ids.hex(6);
  build.say(` ---> Running in ${id}\n`);
  await commit(build, stage, step);
  if (build.request.remove) build.say(` ---> Removed intermediate container ${id}\n`);
}

async function argument(build: Build, stage: StageState, line: Line, esc: string): Promise<void> {
  const told: string[] = [];
  for (const word of rawWords(line.rest, esc)) {
    const [name, value] = parseArgument(word, esc, variablesOf(build, stage));
    build.arguments.declare(name, value);
    told.push(value === undefined ? name : `${name}=${value}`);
  }
  await describe(build, stage, stage.config, `ARG ${told.join(" ")}`);
}

export function parseArgument(
  word: string,
  esc: string,
  variables: ReadonlyMap<string, string>,
): [string, string | undefined] {
  const equals = word.indexOf("=");
  if (equals === 0) throw new SkiffError("invalid_argument", "ARG names can not be blank");
  if (equals < 0) return [expandWord(word, esc, variables), undefined];
  return [word.slice(0, equals), expandWord(word.slice(equals + 1), esc, variables)];
}

/** The directory is made if it is not there. */
async function workdir(build: Build, stage: StageState, path: string): Promise<void> {
  const WorkingDir = workingDirectory(stage.config, path);
  const config = { ...stage.config, WorkingDir };
  const createdBy = [...shellOf(stage.config), `#(nop) WORKDIR ${WorkingDir}`].join(" ");
  const step = { createdBy, config, inputs: [] };
  if (await probe(build, stage, step)) return;
  const { kernel } = build.parts;
  const id = build.parts.images.ids.hex(6);
  build.say(` ---> Running in ${id}\n`);
  const name = cleanName(WorkingDir);
  const layer = await changing(build, stage.image, async ({ fd }) => {
    const found = unless(["ENOENT"], () => openInside(kernel, fd, name, O.PATH | O.DIRECTORY));
    if (found !== undefined) return kernel.close(found);
    using paths = new TreePaths(kernel, fd);
    paths.place(`${name}/x`);
  });
  await commit(build, stage, step, layer);
  if (build.request.remove) build.say(` ---> Removed intermediate container ${id}\n`);
}

export async function carryOut(build: Build, stage: StageState, line: Line, esc: string): Promise<void> {
  const variables = variablesOf(build, stage);
  if (line.name === "run") return run(build, stage, line);
  if (line.name === "copy" || line.name === "add") return copy(build, stage, { line, esc, variables });
  if (line.name === "arg") return argument(build, stage, line, esc);
  if (line.name === "workdir") return workdir(build, stage, expandWord(line.rest, esc, variables));
  const change = CONFIG_CHANGES[line.name]!;
  const { config, commandSet } = stage;
  const changed = change({ line, esc, variables, config, commandSet });
  stage.author = changed.author ?? stage.author;
  await describe(build, stage, changed.config, changed.comment);
  stage.commandSet ||= changed.commandSet === true;
}
