import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { linuxKernel } from "../../../kernel/linux.ts";
import { systemClock } from "../../../lib/clock.ts";
import { createRoots } from "./roots.ts";

test("what a cut-off create has left under the mount point goes with it", async () => {
  const dataRoot = mkdtempSync("/tmp/skiff-roots-");
  try {
    const roots = createRoots({
      ...{ client: {} as never, kernel: linuxKernel, clock: systemClock },
      ...{ dataRoot, snapshotter: "overlayfs" },
    });
    mkdirSync(`${dataRoot}/rootfs/one/etc`, { recursive: true });
    writeFileSync(`${dataRoot}/rootfs/one/etc/hosts`, "");
    // An earlier daemon was killed at this very work.
    mkdirSync(`${dataRoot}/rootfs/.one/proc`, { recursive: true });
    mkdirSync(`${dataRoot}/rootfs/two`);
    await roots.unmount("one");
    await roots.unmount("never");
    expect(readdirSync(`${dataRoot}/rootfs`)).toEqual(["two"]);
  } finally {
    rmSync(dataRoot, { recursive: true });
  }
  expect(existsSync(dataRoot)).toBe(false);
});
