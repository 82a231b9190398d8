/** Help about the program and its groups of commands. */
import { writeStdout } from "../kernel/stdout.ts";
import { COMMANDS, GROUPS } from "./commands/table.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { type GroupLine, groupHelp, rootHelp } from "./parse/help.ts";

/** What people use most, in this order, comes before the alphabet. */
const COMMON = "run exec ps build pull push images login logout search version info".split(" ");

const byName = (a: GroupLine, b: GroupLine): number => (a.name < b.name ? -1 : 1);

export function showGroupHelp(group: string, write: (text: string) => unknown): number {
  const entries = COMMANDS.filter(({ path }) => path.startsWith(`${group} `));
  const lines = entries.map(({ path, summary }) => ({ name: path.slice(group.length + 1), summary }));
  write(groupHelp(group, GROUPS[group]!, lines.sort(byName)));
  return 0;
}

export function showRootHelp(): number {
  const top = COMMANDS.flatMap(({ path, aliases = [], summary }) =>
    [path, ...aliases].filter((name) => !name.includes(" ")).map((name) => ({ name, summary })),
  ).sort(byName);
  const groups = Object.entries(GROUPS).map(([name, summary]) => ({ name, summary }));
  const common = COMMON.flatMap((name) => top.filter((line) => line.name === name));
  const others = top.filter(({ name }) => !COMMON.includes(name));
  writeStdout(rootHelp({ common, groups: groups.sort(byName), others, flags: GLOBAL_FLAGS }));
  return 0;
}
