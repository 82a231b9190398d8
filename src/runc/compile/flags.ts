/** Mount options as the kernel's flags: MS_* for mount(2), MOUNT_ATTR_* for mount_setattr(2). */

interface Flag {
  readonly clear?: boolean;
  /** mount(2) */
  readonly ms: number;
  /** mount_setattr(2); 0: it has none. */
  readonly attr: number;
}

const ATTR_ATIME_MASK = 0x70;

const FLAGS: Readonly<Record<string, Flag>> = {
  ro: { ms: 1, attr: 1 },
  rw: { ms: 1, attr: 1, clear: true },
  nosuid: { ms: 2, attr: 2 },
  suid: { ms: 2, attr: 2, clear: true },
  nodev: { ms: 4, attr: 4 },
  dev: { ms: 4, attr: 4, clear: true },
  noexec: { ms: 8, attr: 8 },
  exec: { ms: 8, attr: 8, clear: true },
  sync: { ms: 16, attr: 0 },
  async: { ms: 16, attr: 0, clear: true },
  mand: { ms: 64, attr: 0 },
  nomand: { ms: 64, attr: 0, clear: true },
  dirsync: { ms: 128, attr: 0 },
  nosymfollow: { ms: 256, attr: 0x20_0000 },
  symfollow: { ms: 256, attr: 0x20_0000, clear: true },
  noatime: { ms: 1024, attr: 0x10 },
  atime: { ms: 1024, attr: 0x10, clear: true },
  nodiratime: { ms: 2048, attr: 0x80 },
  diratime: { ms: 2048, attr: 0x80, clear: true },
  relatime: { ms: 1 << 21, attr: 0 },
  norelatime: { ms: 1 << 21, attr: 0, clear: true },
  iversion: { ms: 1 << 23, attr: 0 },
  noiversion: { ms: 1 << 23, attr: 0, clear: true },
  strictatime: { ms: 1 << 24, attr: 0x20 },
  nostrictatime: { ms: 1 << 24, attr: 0x20, clear: true },
  silent: { ms: 1 << 15, attr: 0 },
  loud: { ms: 1 << 15, attr: 0, clear: true },
};

export const FLAG_NAMES = Object.keys(FLAGS);

export const MS = {
  rec: 1 << 14,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

export const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.private,
  rprivate: MS.private | MS.rec,
  slave: MS.slave,
  rslave: MS.slave | MS.rec,
  shared: MS.shared,
  rshared: MS.shared | MS.rec,
  unbindable: MS.unbindable,
  runbindable: MS.unbindable | MS.rec,
};

const ATIME = new Set(["noatime", "relatime", "strictatime", "atime", "norelatime", "nostrictatime"]);

export interface MountAttr {
  readonly set: number;
  readonly clear: number;
}

export interface MountOptions {
  /** MS_* */
  readonly flags: number;
  readonly attr: MountAttr;
  /** What `rro`, `rnosuid` … ask for the whole tree. */
  readonly recursiveAttr: MountAttr;
  readonly propagation: readonly number[];
  readonly bind: boolean;
  readonly recursive: boolean;
  readonly copyUp: boolean;
  readonly idmap: "" | "idmap" | "ridmap";
  readonly remount: boolean;
  /** Options of the file system itself. */
  readonly data: string;
}

export function parseMountOptions(options: readonly string[]): MountOptions {
  let flags = 0;
  const attr = { set: 0, clear: 0 };
  const recursiveAttr = { set: 0, clear: 0 };
  const propagation: number[] = [];
  const data: string[] = [];
  const words = new Set<string>();
  const apply = (to: { set: number; clear: number }, name: string, flag: Flag): void => {
    if (ATIME.has(name)) to.clear |= ATTR_ATIME_MASK;
    if (flag.clear === true && !ATIME.has(name)) {
      to.set &= ~flag.attr;
      to.clear |= flag.attr;
    } else if (flag.clear !== true) {
      to.set |= flag.attr;
      if (!ATIME.has(name)) to.clear &= ~flag.attr;
    }
  };
  for (const option of options) {
    const flag = Object.hasOwn(FLAGS, option) ? FLAGS[option] : undefined;
    const below =
      option.startsWith("r") && Object.hasOwn(FLAGS, option.slice(1)) ? FLAGS[option.slice(1)] : undefined;
    if (flag !== undefined) {
      flags = flag.clear === true ? flags & ~flag.ms : flags | flag.ms;
      apply(attr, option, flag);
    } else if (Object.hasOwn(PROPAGATION, option)) propagation.push(PROPAGATION[option]!);
    else if (below !== undefined) apply(recursiveAttr, option.slice(1), below);
    else if (["bind", "rbind", "tmpcopyup", "idmap", "ridmap", "remount", "defaults"].includes(option))
      words.add(option);
    else data.push(option);
  }
  return {
    ...{ flags, attr, recursiveAttr, propagation },
    bind: words.has("bind") || words.has("rbind"),
    recursive: words.has("rbind"),
    copyUp: words.has("tmpcopyup"),
    idmap: words.has("ridmap") ? "ridmap" : words.has("idmap") ? "idmap" : "",
    remount: words.has("remount"),
    data: data.join(","),
  };
}
