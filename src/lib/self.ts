/** How this program starts itself again in another role: the executable, or from source Bun with main.ts. */
const COMPILED = "/$bunfs/";

/** argv of `role` with `args`. */
export function selfCommand(role: string, args: readonly string[]): string[] {
  const program = Bun.main.startsWith(COMPILED) ? [process.execPath] : [process.execPath, Bun.main];
  return [...program, role, ...args];
}
