/** Mounts as containerd describes them (`types.Mount`: type, source, options as mount(8) has them), made on a target that is ours. */
import { dirname } from "node:path";
import { SkiffError } from "../../lib/errors.ts";
import { MNT_DETACH, MS, UMOUNT_NOFOLLOW } from "../constants.ts";
import { unless } from "../errno.ts";
import type { Kernel } from "../kernel.ts";

export interface MountDescription {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Option → flag of mount(2). */
const FLAGS: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  sync: 16,
  remount: MS.REMOUNT,
  dirsync: 128,
  noatime: MS.NOATIME,
  nodiratime: 2048,
  bind: MS.BIND,
  rbind: MS.BIND | MS.REC,
  relatime: MS.RELATIME,
  strictatime: MS.STRICTATIME,
};
const CLEARED: Readonly<Record<string, number>> = {
  rw: MS.RDONLY,
  suid: MS.NOSUID,
  dev: MS.NODEV,
  exec: MS.NOEXEC,
  async: 16,
  atime: MS.NOATIME,
};
/** Known to other tools, meaningless to the kernel. */
const IGNORED = new Set(["defaults", "loop"]);
/** Flags that a bind mount takes only in a second call. */
const BIND_LATER =
  MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC | MS.NOATIME | 2048 | MS.RELATIME | MS.STRICTATIME;
/** mount(2) takes one page of data. */
const DATA_BYTES_MAX = 4095;
const PATH_OPTIONS = ["lowerdir=", "upperdir=", "workdir="];

export interface MountFlags {
  readonly flags: number;
  readonly data: readonly string[];
}

export function parseMountOptions(options: readonly string[]): MountFlags {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    if (FLAGS[option] !== undefined) flags |= FLAGS[option];
    else if (CLEARED[option] !== undefined) flags &= ~CLEARED[option];
    else if (!IGNORED.has(option)) data.push(option);
  }
  return { flags, data };
}

/** The longest directory all these paths lie in. */
function commonDirectory(paths: readonly string[]): string {
  let common = dirname(paths[0]!);
  while (common !== "/" && !paths.every((path) => path.startsWith(`${common}/`))) common = dirname(common);
  return common;
}

/** Many layers: the paths are written relative to where they all lie. @throws invalid_argument when they do not fit even so */
function shorten(
  data: readonly string[],
  target: string,
): { readonly directory: string; readonly data: string } {
  const isPath = (option: string) => PATH_OPTIONS.some((prefix) => option.startsWith(prefix));
  const paths = data.filter(isPath).flatMap((option) => option.slice(option.indexOf("=") + 1).split(":"));
  const directory = paths.length === 0 ? "/" : commonDirectory(paths);
  const short = data
    .map((option) => (isPath(option) ? option.replaceAll(`${directory}/`, "") : option))
    .join(",");
  if (paths.length === 0 || Buffer.byteLength(short) > DATA_BYTES_MAX)
    throw new SkiffError("invalid_argument", `mount ${target}: options longer than a page`);
  return { directory, data: short };
}

export function mountSnapshot(kernel: Kernel, mount: MountDescription, target: string): void {
  const { flags, data } = parseMountOptions(mount.options);
  const call = { source: mount.source, target };
  if ((flags & MS.BIND) !== 0) {
    kernel.mount({ ...call, type: "", data: "", flags: flags & (MS.BIND | MS.REC) });
    if ((flags & BIND_LATER) !== 0) kernel.mount({ ...call, type: "", data: "", flags: flags | MS.REMOUNT });
    return;
  }
  const whole = data.join(",");
  if (Buffer.byteLength(whole) <= DATA_BYTES_MAX) {
    kernel.mount({ ...call, type: mount.type, flags, data: whole });
    return;
  }
  const short = shorten(data, target);
  // The working directory belongs to the process: back within the same tick.
  const before = process.cwd();
  process.chdir(short.directory);
  try {
    kernel.mount({ ...call, type: mount.type, flags, data: short.data });
  } finally {
    process.chdir(before);
  }
}

/** False when nothing is mounted there. */
export function unmount(kernel: Kernel, target: string): boolean {
  const done = unless(["EINVAL", "ENOENT"], () => {
    kernel.umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH);
    return true;
  });
  return done === true;
}
