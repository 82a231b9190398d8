/** Snapshots as layers of overlayfs: `fs` holds what a snapshot changes, `work` is overlayfs's own. Source: kernel's filesystems/overlayfs. */
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { chown } from "node:fs/promises";
import { join } from "node:path";
import type { TreeKind } from "./snapshotter.ts";

const ROOT_MODE = 0o755;
const MODE_BITS = 0o7777;

/** Without an index the same lower directories may lie under many overlays. An old kernel has none and refuses the option. */
const indexOff = (): readonly string[] =>
  existsSync("/sys/module/overlay/parameters/index") ? ["index=off"] : [];

const treeOf = (directory: string): string => join(directory, "fs");

export const overlayfs: TreeKind = {
  name: "overlayfs",
  tree: treeOf,
  async make(directory, record, parents) {
    const fs = treeOf(directory(record.id));
    mkdirSync(fs, { mode: ROOT_MODE });
    if (record.kind === "active") mkdirSync(join(directory(record.id), "work"), { mode: 0o711 });
    if (parents[0] === undefined) chmodSync(fs, ROOT_MODE);
    else {
      // The upper directory is what the root of the whole shows: it starts as the parent's.
      const { mode, uid, gid } = statSync(treeOf(directory(parents[0])));
      await chown(fs, uid, gid);
      chmodSync(fs, mode & MODE_BITS);
    }
  },
  mounts(directory, record, parents) {
    const fs = treeOf(directory(record.id));
    const lower = parents.map((id) => treeOf(directory(id)));
    const bind = (source: string, access: "ro" | "rw") => [
      { type: "bind", source, target: "", options: [access, "rbind"] },
    ];
    if (record.kind === "view" && lower.length === 1) return bind(lower[0]!, "ro");
    if (lower.length === 0) return bind(fs, record.kind === "view" ? "ro" : "rw");
    const writable =
      record.kind === "active" ? [`workdir=${join(directory(record.id), "work")}`, `upperdir=${fs}`] : [];
    const options = [...indexOff(), ...writable, `lowerdir=${lower.join(":")}`];
    return [{ type: "overlay", source: "overlay", target: "", options }];
  },
};
