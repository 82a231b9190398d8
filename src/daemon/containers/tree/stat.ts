/** `X-Docker-Container-Path-Stat`: a file's status, with the mode as Go's os.FileMode writes it. */
import { S } from "../../../kernel/constants.ts";
import type { FileStatus } from "../../../kernel/kernel.ts";
import { rfc3339Nano } from "../../../lib/clock.ts";

export interface PathStat {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

/** Bits of Go's os.FileMode, https://pkg.go.dev/io/fs#FileMode. */
const GO_TYPES: ReadonlyMap<number, number> = new Map([
  [S.IFDIR, 1 << 31],
  [S.IFLNK, 1 << 27],
  [S.IFBLK, 1 << 26],
  [S.IFCHR, (1 << 26) | (1 << 21)],
  [S.IFIFO, 1 << 25],
  [S.IFSOCK, 1 << 24],
]);
const SPECIAL: readonly (readonly [number, number])[] = [
  [0o4000, 1 << 23],
  [0o2000, 1 << 22],
  [0o1000, 1 << 20],
];

export function goMode(mode: number): number {
  const special = SPECIAL.reduce((sum, [bit, go]) => sum | ((mode & bit) === 0 ? 0 : go), 0);
  return ((mode & 0o777) | special | (GO_TYPES.get(mode & S.IFMT) ?? 0)) >>> 0;
}

export function pathStat(name: string, status: FileStatus, linkTarget: string): PathStat {
  return {
    name,
    size: status.size,
    mode: goMode(status.mode),
    mtime: rfc3339Nano(status.modifiedNs),
    linkTarget,
  };
}

export const encodePathStat = (stat: PathStat): string =>
  Buffer.from(JSON.stringify(stat)).toString("base64");
