/**
 * A command of `skiff`, as plain data: parsing, help texts and errors follow from it.
 *
 * The root table (commands/table.ts) names every command with a line of summary and loads the rest only when that command runs: start-up costs the
 * same however many there are. Words and layout are docker's, so that scripts and eyes find what they know.
 */
import type { Flag, Parsed } from "./flag.ts";
import type { Client } from "./transport/client.ts";
import type { Settings } from "./transport/settings.ts";

export * from "./flag.ts";

export interface Context extends Parsed {
  readonly settings: Settings;
  readonly client: Client;
}

export interface Command {
  /** `[OPTIONS] IMAGE [COMMAND] [ARG...]` */
  readonly usage: string;
  readonly summary: string;
  /** What help says beyond the summary. */
  readonly details?: string;
  readonly flags: readonly Flag[];
  readonly words: { readonly min: number; readonly max: number };
  /** Flags after the first word are the container's, not ours: run, exec. */
  readonly stopsAtWord?: boolean;
  /** Answers the exit code. */
  run(context: Context): Promise<number>;
}
