/**
 * Tar as image layers use it: POSIX ustar with pax records, GNU long names and big numbers. Source: POSIX.1-2017 pax(1), GNU tar's manual,
 * image-spec layer.md.
 *
 *     archive = { header block (512) · data, padded to 512 } · two zero blocks
 *
 * An entry's pax record (`x`) or GNU long name (`L`, `K`) comes in entries of their own in front of it. Sparse files: sparse.ts.
 */
export const BLOCK_BYTES = 512;

export const ENTRY_TYPES = ["file", "link", "symlink", "char", "block", "dir", "fifo"] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

export interface TarEntry {
  /** As written: untrusted. */
  readonly name: string;
  readonly type: EntryType;
  /** Permissions, set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of data that follow; 0 for what is no file. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly modifiedNs: bigint;
  /** Of a link; untrusted. */
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
  /** Extended attributes, `SCHILY.xattr.<name>`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Parts of it are holes (GNU); `size` counts them. */
  readonly sparse?: boolean;
}

/** Type flags and what they stand for. `\0` and `7` are files, too. */
export const TYPE_FLAGS: Readonly<Record<string, EntryType>> = {
  ...{ "0": "file", "\0": "file", "7": "file", "1": "link", "2": "symlink" },
  ...{ "3": "char", "4": "block", "5": "dir", "6": "fifo" },
};

export const XATTR_PREFIX = "SCHILY.xattr.";
