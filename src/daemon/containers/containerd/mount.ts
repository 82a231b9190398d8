/** Makes a mount that containerd describes (`types.Mount`), in this process. */
import { dirname } from "node:path";
import { MS } from "../../../kernel/constants.ts";
import type { Kernel } from "../../../kernel/kernel.ts";

export interface MountDescription {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

const FLAGS: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  noatime: MS.NOATIME,
  relatime: MS.RELATIME,
  bind: MS.BIND,
  rbind: MS.BIND | MS.REC,
};
const WITHOUT_FLAG = new Set(["rw", "suid", "dev", "exec", "atime"]);

/** mount(2) takes one page of options. */
const DATA_BYTES_MAX = 4095;

/** The longest directory all these paths lie in. */
function commonDirectory(paths: readonly string[]): string {
  let common = dirname(paths[0]!);
  while (common !== "/" && !paths.every((path) => path.startsWith(`${common}/`))) common = dirname(common);
  return common;
}

const PATH_OPTIONS = ["lowerdir=", "upperdir=", "workdir="];

/** Many layers: the paths are written relative to where they all lie. */
function shorten(data: readonly string[]): { readonly directory: string; readonly data: string } | undefined {
  const isPath = (option: string) => PATH_OPTIONS.some((prefix) => option.startsWith(prefix));
  const paths = data.filter(isPath).flatMap((option) => option.slice(option.indexOf("=") + 1).split(":"));
  if (paths.length === 0) return undefined;
  const directory = commonDirectory(paths);
  const short = data.map((option) => (isPath(option) ? option.replaceAll(`${directory}/`, "") : option));
  return { directory, data: short.join(",") };
}

export function mountSnapshot(kernel: Kernel, mount: MountDescription, target: string): void {
  const flags = mount.options.reduce((sum, option) => sum | (FLAGS[option] ?? 0), 0);
  const options = mount.options.filter((option) => !(option in FLAGS) && !WITHOUT_FLAG.has(option));
  const data = options.join(",");
  const type = mount.type === "bind" ? "" : mount.type;
  const call = { source: mount.source, target, type, flags, data };
  const short = Buffer.byteLength(data) > DATA_BYTES_MAX ? shorten(options) : undefined;
  if (short === undefined) {
    kernel.mount(call);
    // A bind mount takes its other flags only when it is remounted.
    if ((flags & MS.BIND) !== 0 && (flags & MS.RDONLY) !== 0)
      kernel.mount({ ...call, flags: flags | MS.REMOUNT });
    return;
  }
  // The working directory belongs to the process: back within the same tick.
  const before = process.cwd();
  process.chdir(short.directory);
  try {
    kernel.mount({ ...call, data: short.data });
  } finally {
    process.chdir(before);
  }
}
