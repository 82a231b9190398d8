/** The genuine OCI runtimes, as skiffd is told of them. */
import { existsSync, writeFileSync } from "node:fs";

/**
 * Debian's crun refuses the hybrid cgroup v1 layout; it works where the unified hierarchy is hidden from it, in a mount namespace of its own.
 * The wrapper lies in `dir`.
 */
export function crunPath(dir: string): string {
  const crun = Bun.which("crun") ?? "/usr/bin/crun";
  if (!existsSync("/sys/fs/cgroup/unified")) return crun;
  const path = `${dir}/crun`;
  const hide = `umount /sys/fs/cgroup/unified && exec ${crun} "$@"`;
  writeFileSync(path, `#!/bin/sh\nexec unshare -m sh -c '${hide}' crun "$@"\n`, { mode: 0o755 });
  return path;
}

export function runtimeFlags(dir: string): string[] {
  const runc = Bun.which("runc") ?? "/usr/sbin/runc";
  return ["--add-runtime", `runc=${runc}`, "--add-runtime", `crun=${crunPath(dir)}`];
}
