/** spec: writes a config.json to begin with. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path/posix";
import { SkiffError } from "../../lib/errors.ts";
import type { RuncContext } from "../context.ts";
import { BOOLEAN, parseFlags, VALUE } from "../options.ts";
import { defaultSpec } from "../spec/default.ts";

export async function spec(_context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, { bundle: { ...VALUE, short: "b" }, rootless: BOOLEAN });
  const path = join(parsed.value("bundle") ?? ".", "config.json");
  if (existsSync(path)) {
    throw new SkiffError("already_exists", "File config.json exists. Remove it first");
  }
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const text = JSON.stringify(defaultSpec(parsed.has("rootless") ? ids : undefined), null, "\t");
  writeFileSync(path, text, { mode: 0o666 });
  return 0;
}
