/** Where an archive of ours may be written. */
import { existsSync, statSync } from "node:fs";
import { dirname, normalize } from "node:path";
import { CliError } from "../errors.ts";

/** @throws CliError in docker's words, before anything is asked of the daemon */
export function checkOutputPath(path: string, action: string): void {
  const directory = dirname(normalize(path));
  if (!existsSync(directory))
    throw new CliError(`${action}: invalid output path: stat ${directory}: no such file or directory`);
  if (!existsSync(path)) return;
  const stat = statSync(path);
  if (!stat.isFile() && !stat.isDirectory() && !stat.isCharacterDevice())
    throw new CliError(`${action}: invalid output path: "${path}" must be a directory or a regular file`);
}
