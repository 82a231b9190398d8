/**
 * Shows the progress of pull, push, load, import and build.
 *
 * On a terminal each id keeps a line of its own, found by moving the cursor up and down; elsewhere only what is no bar is printed, in order.
 */
import type { ProgressLine } from "../../contracts/engine/image.ts";
import { isTerminal, windowSize, writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { CliError } from "../errors.ts";
import { drawBar } from "./bar.ts";
import { jsonLines } from "./lines.ts";

const COLUMNS = 200;
const CLEAR_LINE = "\x1b[2K\r";

export interface Screen {
  readonly terminal: boolean;
  readonly columns: number;
  write(text: string): void;
}

export function screenOf(to: "stdout" | "stderr"): Screen {
  const fd = to === "stdout" ? 1 : 2;
  const terminal = isTerminal(fd);
  return {
    terminal,
    columns: (terminal ? windowSize(fd)?.columns : undefined) ?? COLUMNS,
    write: (text) => void (to === "stdout" ? writeStdout(text) : writeStderr(text)),
  };
}

/** For `--quiet`: errors are all that is said. */
export const NO_SCREEN: Screen = { terminal: false, columns: COLUMNS, write() {} };

function lineText(line: ProgressLine, { terminal, columns }: Screen): string {
  const { id = "", status = "", stream = "", progressDetail, progress = "" } = line;
  const bar = progressDetail === undefined ? "" : drawBar(progressDetail, columns);
  const redraws = terminal && stream === "" && progressDetail !== undefined;
  if (!redraws && bar !== "") return "";
  const head = (redraws ? CLEAR_LINE : "") + (id === "" ? "" : `${id}: `);
  if (redraws) return `${head}${status} ${bar}\r`;
  if (progress !== "") return `${head}${status} ${progress}`;
  return stream === "" ? `${head}${status}\n` : head + stream;
}

/** Where the lines of the ids on the screen are. */
class Rows {
  readonly #rows = new Map<string, number>();

  constructor(private readonly screen: Screen) {}

  /** How far up the line of this one is; 0: it goes below all. */
  place({ id = "", progressDetail, progress = "" }: ProgressLine): number {
    if (id === "" || (progressDetail === undefined && progress === "")) {
      this.#rows.clear();
      return 0;
    }
    const known = this.#rows.get(id);
    if (known === undefined) {
      this.#rows.set(id, this.#rows.size);
      if (this.screen.terminal) this.screen.write("\n");
    }
    return this.#rows.size - (known ?? this.#rows.size - 1);
  }
}

/** What the daemon says went wrong. */
export class ProgressFailure extends CliError {
  constructor(
    message: string,
    /** Of the program that failed, in a build; 0 when none did. */
    readonly stepCode: number,
  ) {
    super(message);
  }
}

/** `aux` gets what is for programs. @throws ProgressFailure */
export async function showProgress(
  body: AsyncIterable<Uint8Array>,
  screen: Screen,
  aux: (value: unknown) => void = () => {},
): Promise<void> {
  const rows = new Rows(screen);
  for await (const line of jsonLines<ProgressLine>(body)) {
    if (line.aux !== undefined) {
      aux(line.aux);
      continue;
    }
    const up = rows.place(line);
    const message = line.errorDetail?.message ?? line.error;
    if (message !== undefined) throw new ProgressFailure(message, line.errorDetail?.code ?? 0);
    const moves = screen.terminal && up > 0;
    const text = lineText(line, screen);
    screen.write(moves ? `\x1b[${up}A${text}\x1b[${up}B` : text);
  }
}
