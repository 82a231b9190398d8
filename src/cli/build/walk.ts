/** The files of a build's directory, in the order of their names, without the ignored ones. Symbolic links are sent, never followed. */
import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Ignored } from "./ignore.ts";

export interface Found {
  /** Within the directory. */
  readonly path: string;
  readonly stats: BigIntStats;
}

const DEPTH_MAX = 1000;

export function* walk(root: string, ignored: Ignored, below = "", depth = 0): Generator<Found, void> {
  if (depth > DEPTH_MAX) return;
  const names = readdirSync(join(root, below));
  for (const name of names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    const path = below === "" ? name : `${below}/${name}`;
    const stats = lstatSync(join(root, path), { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) continue;
    const left = ignored.ignore(path);
    if (!left) yield { path, stats };
    if (stats.isDirectory() && (!left || ignored.mayContainSent(path)))
      yield* walk(root, ignored, path, depth + 1);
  }
}
