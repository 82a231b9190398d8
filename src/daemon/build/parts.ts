/** What the builder is given, and what one build keeps while it runs. */

import type { ProgressLine } from "../../contracts/engine/image.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import type { Containers } from "../containers/main.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import type { RootFiles } from "../containers/root/files.ts";
import type { PlatformImage } from "../images/manifests.ts";
import type { ImageParts } from "../images/parts.ts";
import type { BuildArguments } from "./arguments.ts";
import type { BuildContext } from "./context.ts";
import type { BuildRequest } from "./request.ts";

export interface BuildParts {
  readonly images: ImageParts;
  readonly containers: Pick<Containers, "lifecycle" | "views">;
  readonly kernel: Kernel;
  readonly files: RootFiles;
  /** Ours alone: contexts and mount points. */
  readonly directory: string;
}

/** A finished stage, or a stage that is being built. */
export interface StageState {
  readonly name: string;
  /** "" until there is one: `FROM scratch`. */
  imageId: string;
  image: PlatformImage | undefined;
  config: ImageDefaults;
  author: string;
  /** CMD is the Dockerfile's own: ENTRYPOINT leaves it then. */
  commandSet: boolean;
}

export interface Build {
  readonly parts: BuildParts;
  readonly request: BuildRequest;
  readonly context: BuildContext;
  readonly arguments: BuildArguments;
  readonly stages: StageState[];
  /** A lease that keeps what is made. */
  readonly lease: CallOptions;
  /** Containers of RUN that are still there. */
  readonly containers: string[];
  /** Ends what runs when the client has gone. */
  readonly signal: AbortSignal;
  /** Once a step was not found in the cache, nothing after it is looked for. */
  cacheBroken: boolean;
  line(value: ProgressLine): void;
  /** Resolves when the client has taken what was said. */
  drain(): Promise<void>;
  say(text: string): void;
}
