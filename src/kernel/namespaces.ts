import type { Kernel } from "./kernel.ts";
import { check } from "./libc.ts";

export const namespaceCalls: Pick<Kernel, "unshare" | "setns"> = {
  unshare(flags) {
    check(
      () => `unshare 0x${flags.toString(16)}`,
      (c) => c.unshare(flags),
    );
  },
  setns(fd, type) {
    check(
      () => `enter namespace of fd ${fd}`,
      (c) => c.setns(fd, type),
    );
  },
};
