/** What every verb gets from the global flags. */
import { openSync, writeSync } from "node:fs";
import { parseWhole } from "./options.ts";

export interface Logger {
  error(message: string): void;
  warn(message: string): void;
}

export interface RuncContext {
  readonly root: string;
  readonly systemdCgroup: boolean;
  readonly log: Logger;
  /** Writes to stdout at once. */
  print(text: string): void;
}

/** One verb: its words in, the exit status out. */
export type Verb = (context: RuncContext, argv: readonly string[]) => Promise<number>;

function quoteLog(message: string): string {
  return JSON.stringify(message);
}

/** logrus' two formats. An error also goes to stderr when the log does not. */
export function createLogger(path: string, format: string): Logger {
  const fd = path === "" ? 2 : openSync(path, "a", 0o644);
  const line = (level: string, message: string): string => {
    const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    return format === "json"
      ? `${JSON.stringify({ level, msg: message, time })}\n`
      : `time="${time}" level=${level} msg=${quoteLog(message)}\n`;
  };
  return {
    warn: (message) => void writeSync(fd, line("warning", message)),
    error(message) {
      writeSync(fd, line("error", message));
      if (fd !== 2) writeSync(2, `${message}\n`);
    },
  };
}

export function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

/** `--preserve-fds` and systemd's socket activation: fds from 3 on, and what the process must be told about them. */
export function preservedFds(flag: string | undefined): {
  readonly count: number;
  readonly env: readonly string[];
} {
  const listen = process.env["LISTEN_FDS"];
  const listening = listen !== undefined && /^\d{1,4}$/.test(listen) ? Number(listen) : 0;
  const env = listening > 0 ? [`LISTEN_FDS=${listening}`, "LISTEN_PID=1"] : [];
  return { count: listening + (flag === undefined ? 0 : parseWhole("preserve-fds", flag)), env };
}
