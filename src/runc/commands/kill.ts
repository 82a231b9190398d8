/** kill ID [SIGNAL]: signal as number or name, with or without SIG. */
import { constants } from "node:os";
import { SkiffError } from "../../lib/errors.ts";
import { killContainer } from "../container/kill.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { BOOLEAN, parseFlags } from "../options.ts";
import { firstId } from "./words.ts";

const SIGNAL_MAX = 64;
const SIGRTMIN = 34;

export function parseSignal(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= SIGNAL_MAX) return Number(text);
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realtime = /^RTMIN(?:\+(\d{1,2}))?$/.exec(name);
  if (realtime !== null) return SIGRTMIN + Number(realtime[1] ?? 0);
  const number = (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  if (number === undefined)
    throw new SkiffError("invalid_argument", `unknown signal ${JSON.stringify(text)}`);
  return number;
}

export async function kill(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, { all: { ...BOOLEAN, short: "a" } });
  const container = openContainer(context.root, firstId("kill", parsed));
  const rest = parseFlags(parsed.words.slice(1), { all: { ...BOOLEAN, short: "a" } });
  const signal = parseSignal(rest.words[0] ?? "SIGTERM");
  await killContainer(container, signal, parsed.has("all") || rest.has("all"));
  return 0;
}
