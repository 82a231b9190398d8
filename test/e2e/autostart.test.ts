/** `skiff` with no daemon running starts one, says so once, and finds it again. A mount namespace hides the machine's own /run/skiff. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DIST } from "../harness/engine.ts";
import { must } from "../harness/shell.ts";

test("skiff starts its daemon, waits for it and says so once", async () => {
  const dir = mkdtempSync("/tmp/skiff-auto-");
  const script = `set -e
    mkdir -p /run/skiff /var/lib/skiff ${dir}/lib
    mount -t tmpfs skiff-run /run/skiff; mount --bind ${dir}/lib /var/lib/skiff
    ip link set lo up
    ${DIST}/skiff run --rm --network none skiff/hello >${dir}/out1 2>${dir}/err1
    ${DIST}/skiff run --rm --network none skiff/hello >${dir}/out2 2>${dir}/err2
    cat /run/skiff/skiffd.pid >${dir}/pid
    pid=$(cat /run/skiff/skiffd.pid); kill $pid
    while [ -d /proc/$pid ]; do sleep 0.05; done`;
  try {
    await must(["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script]);
    const read = (name: string) => Bun.file(join(dir, name)).text();
    expect(await read("out1")).toContain("Hello from a Skiff container.");
    expect(
      (await read("err1")).match(/Started skiffd \(pid \d+\) on unix:\/\/\/run\/skiff\/skiffd\.sock/g),
    ).toHaveLength(1);
    expect(await read("out2")).toBe(await read("out2"));
    expect(await read("out2")).toContain("Hello from a Skiff container.");
    expect(await read("err2")).toBe("");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("two at once start one daemon", async () => {
  const dir = mkdtempSync("/tmp/skiff-auto-");
  const script = `set -e
    mkdir -p /run/skiff /var/lib/skiff ${dir}/lib
    mount -t tmpfs skiff-run /run/skiff; mount --bind ${dir}/lib /var/lib/skiff
    ip link set lo up
    for n in 1 2 3; do ${DIST}/skiff version >${dir}/out$n 2>${dir}/err$n & done; wait
    pid=$(cat /run/skiff/skiffd.pid); kill $pid
    while [ -d /proc/$pid ]; do sleep 0.05; done`;
  try {
    await must(["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script]);
    const said = await Promise.all([1, 2, 3].map((n) => Bun.file(join(dir, `err${n}`)).text()));
    expect(said.join("").match(/Started skiffd/g)).toHaveLength(1);
    for (const n of [1, 2, 3]) expect(await Bun.file(join(dir, `out${n}`)).text()).toContain("Server:");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
