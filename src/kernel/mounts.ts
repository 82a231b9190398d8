import type { Kernel } from "./kernel.ts";
import { check, text } from "./libc.ts";

export const mountCalls: Pick<Kernel, "mount" | "umount2"> = {
  mount({ source, target, type, flags, data }) {
    const [from, to, kind, options] = [source, target, type, data].map(text);
    check(
      () => `mount ${JSON.stringify(source)} on ${JSON.stringify(target)}`,
      (c) => c.mount(from!, to!, type === "" ? null : kind!, flags, data === "" ? null : options!),
    );
  },
  umount2(target, flags) {
    const to = text(target);
    check(
      () => `unmount ${JSON.stringify(target)}`,
      (c) => c.umount2(to, flags),
    );
  },
};
