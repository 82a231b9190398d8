/** A line of the root table. */
import type { Command } from "../command.ts";

export interface Entry {
  /** `container run` */
  readonly path: string;
  /** `run`, `container list` … */
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Listed first in help. */
  readonly common?: boolean;
  load(): Promise<{ readonly command: Command }>;
}
