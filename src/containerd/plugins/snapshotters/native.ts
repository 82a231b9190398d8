/** Snapshots as full copies, for file systems that overlayfs cannot lie on: slow and sure. Reflinks are used where there are some. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SkiffError } from "../../../lib/errors.ts";
import type { TreeKind } from "./snapshotter.ts";

const treeOf = (directory: string): string => join(directory, "fs");

async function copyTree(from: string, to: string): Promise<void> {
  const child = Bun.spawn(["cp", "-a", "--reflink=auto", "-T", "--", from, to], { stderr: "pipe" });
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) throw new SkiffError("internal", `copy snapshot: ${said.trim()}`);
}

export const native: TreeKind = {
  name: "native",
  tree: treeOf,
  async make(directory, record, parents) {
    const fs = treeOf(directory(record.id));
    mkdirSync(fs, { mode: 0o755 });
    // A view needs no tree of its own.
    if (parents[0] !== undefined && record.kind === "active")
      await copyTree(treeOf(directory(parents[0])), fs);
  },
  mounts(directory, record, parents) {
    const view = record.kind === "view";
    const source = treeOf(directory(view && parents[0] !== undefined ? parents[0] : record.id));
    return [{ type: "bind", source, target: "", options: ["rbind", view ? "ro" : "rw"] }];
  },
};
