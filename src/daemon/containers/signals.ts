/** Signals by name and number, as `docker kill -s` and StopSignal write them. */
import { constants } from "node:os";
import { SkiffError } from "../../lib/errors.ts";

const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** `KILL`, `SIGKILL`, `9`, `RTMIN+3`. */
export function parseSignal(text: string): number {
  const invalid = () => new SkiffError("invalid_argument", `invalid signal: ${text}`);
  if (/^[0-9]+$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > SIGRTMAX) throw invalid();
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realtime = /^RT(MIN|MAX)([+-][0-9]+)?$/.exec(name);
  if (realtime !== null) {
    const number = (realtime[1] === "MIN" ? SIGRTMIN : SIGRTMAX) + Number(realtime[2] ?? 0);
    if (number < SIGRTMIN || number > SIGRTMAX) throw invalid();
    return number;
  }
  const known = (constants.signals as Record<string, number>)[`SIG${name}`];
  if (known === undefined) throw invalid();
  return known;
}

export const SIGTERM = 15;
export const SIGKILL = 9;
