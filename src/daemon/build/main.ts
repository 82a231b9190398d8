/** The classic builder behind `POST /build`. */
import { mkdirSync } from "node:fs";
import type { ProgressLine } from "../../contracts/engine/image.ts";
import { familiarString } from "../../lib/reference.ts";
import { publishImage } from "../images/image-events.ts";
import { withLease } from "../images/leases.ts";
import { findImage } from "../images/store.ts";
import { nameTarget } from "../images/tag.ts";
import { BuildArguments } from "./arguments.ts";
import { buildDockerfile, shortId } from "./build.ts";
import { openContext, readDockerfile } from "./context.ts";
import { parseDockerfile } from "./dockerfile/stages.ts";
import type { Build, BuildParts } from "./parts.ts";
import type { BuildRequest } from "./request.ts";

export interface BuildInput {
  readonly request: BuildRequest;
  readonly body: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  /** Where each line goes. */
  readonly line: (value: ProgressLine) => void;
  readonly drain: () => Promise<void>;
}

/** Builds, names what was built, and answers its id. */
export async function runBuild(parts: BuildParts, input: BuildInput): Promise<string> {
  const { request, signal, line, drain } = input;
  const { images, kernel, directory } = parts;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await using context = await openContext(kernel, directory, `context-${images.ids.hex(12)}`, input.body);
  const dockerfile = parseDockerfile(readDockerfile(kernel, context, request.dockerfile));
  const say = (stream: string) => line({ stream });
  return await withLease(images, [], async (lease) => {
    const build: Build = {
      ...{ parts, request, context, lease, signal, line, drain, say },
      arguments: new BuildArguments(request.given),
      stages: [],
      containers: [],
      cacheBroken: false,
    };
    const id = await buildDockerfile(build, dockerfile);
    say(`Successfully built ${shortId(id)}\n`);
    for (const reference of request.tags) {
      const image = await findImage(images, id);
      await nameTarget(images, reference, image.target, image.labels);
      await publishImage(images, "tag", id, familiarString(reference));
      say(`Successfully tagged ${familiarString(reference)}\n`);
    }
    return id;
  });
}
