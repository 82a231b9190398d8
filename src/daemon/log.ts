/** The daemon's own log on stderr, as dockerd writes it. */
import { writeStderr } from "../kernel/stdout.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export function createLogger(least: string): Logger {
  const from = (LOG_LEVELS as readonly string[]).indexOf(least);
  const write = (level: LogLevel) => (message: string) => {
    if (LOG_LEVELS.indexOf(level) < from) return;
    const name = level === "warn" ? "warning" : level;
    writeStderr(`time="${new Date().toISOString()}" level=${name} msg=${JSON.stringify(message)}\n`);
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
