/** Changes `config.json`: what we do not know in it stays. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type RawConfig = Record<string, unknown>;

/** The file appears whole, readable to its owner alone: it may hold passwords. */
export function changeConfig(configDir: string, change: (config: RawConfig) => RawConfig): void {
  const path = join(configDir, "config.json");
  let before: RawConfig = {};
  try {
    before = JSON.parse(readFileSync(path, "utf8")) as RawConfig;
  } catch {
    // There is none yet; what is no JSON was refused when settings were read.
  }
  mkdirSync(configDir, { recursive: true, mode: 0o700 });
  const part = `${path}.${process.pid}`;
  writeFileSync(part, JSON.stringify({ auths: {}, ...change(before) }, undefined, "\t"), { mode: 0o600 });
  renameSync(part, path);
}
