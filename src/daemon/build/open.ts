/** Puts the builder together from what the daemon has. */
import { linuxKernel } from "../../kernel/linux.ts";
import { createRootFiles } from "../containers/root/files.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { BuildParts } from "./parts.ts";

export interface OuterBuildParts extends Pick<BuildParts, "images" | "containers"> {
  readonly dataRoot: string;
  readonly log: (message: string) => void;
}

export function openBuilder({ images, containers, dataRoot, log }: OuterBuildParts): BuildParts {
  const directory = `${dataRoot}/builder`;
  removeLeftovers(linuxKernel, directory).catch((error: Error) => log(`old builds: ${error.message}`));
  return { images, containers, kernel: linuxKernel, files: createRootFiles(linuxKernel), directory };
}
