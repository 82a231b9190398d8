/** The command line of a shim, as containerd calls it: one dash, `-flag value`, and a verb at the end (WIRE.md, section 3). */
import { SkiffError } from "../../lib/errors.ts";

export const VERBS = ["start", "delete", "serve"] as const;

export interface DoorOptions {
  readonly verb: (typeof VERBS)[number];
  readonly namespace: string;
  readonly id: string;
  /** containerd's gRPC socket; its ttrpc socket is in TTRPC_ADDRESS. */
  readonly address: string;
  /** Only `delete` is told; `start` runs in it. */
  readonly bundle: string;
  /** Only `serve`, our own: where the bundles lie, and where to listen. */
  readonly stateDir: string;
  readonly socket: string;
}

const VALUES = ["namespace", "id", "address", "bundle", "state-dir", "socket", "publish-binary"];
const SWITCHES = ["debug"];

/** @throws invalid_argument */
export function parseDoorOptions(argv: readonly string[]): DoorOptions {
  const found = new Map<string, string>();
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const flag = /^--?([a-z-]+)(?:=(.*))?$/.exec(argv[at]!);
    if (flag === null) words.push(argv[at]!);
    else if (SWITCHES.includes(flag[1]!)) continue;
    else if (VALUES.includes(flag[1]!)) found.set(flag[1]!, flag[2] ?? argv[++at] ?? "");
    else throw new SkiffError("invalid_argument", `flag provided but not defined: -${flag[1]}`);
  }
  const verb = VERBS.find((known) => known === words[0]);
  if (verb === undefined || words.length !== 1)
    throw new SkiffError("invalid_argument", `usage: containerd-shim-skiff-v1 [flags] ${VERBS.join("|")}`);
  const value = (name: string) => found.get(name) ?? "";
  return {
    ...{ verb, namespace: value("namespace"), id: value("id"), address: value("address") },
    ...{ bundle: value("bundle"), stateDir: value("state-dir"), socket: value("socket") },
  };
}
