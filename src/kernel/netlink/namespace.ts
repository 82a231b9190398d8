/**
 * Network namespaces. Only the calling thread is moved, and only until the end of a synchronous function: the event loop, and with it everything
 * else this process does, never runs inside one.
 */
import { AT_FDCWD, CLONE, MNT_DETACH, MS, O, UMOUNT_NOFOLLOW } from "../constants.ts";
import { unless } from "../errno.ts";
import type { Kernel } from "../kernel.ts";
import { writeStderr } from "../stdout.ts";

const OWN_NAMESPACE = "/proc/thread-self/ns/net";

function openOwn(kernel: Kernel): number {
  return kernel.openat(AT_FDCWD, OWN_NAMESPACE, O.RDONLY, 0);
}

/** Comes back at any price: a thread that cannot go home would serve everything from inside a container's network. */
function goHome(kernel: Kernel, home: number): void {
  try {
    kernel.setns(home, CLONE.NEWNET);
  } catch (error) {
    writeStderr(`return to the host's network namespace: ${error}\n`);
    process.abort();
  } finally {
    kernel.close(home);
  }
}

function away<T>(kernel: Kernel, enter: () => void, body: () => T): T {
  const home = openOwn(kernel);
  try {
    enter();
  } catch (error) {
    kernel.close(home);
    throw error;
  }
  try {
    return body();
  } finally {
    goHome(kernel, home);
  }
}

/**
 * Makes a namespace that lives as long as its name: an empty file with the namespace mounted on it. `body` runs inside and is given a
 * descriptor of it, which is closed afterwards. Nothing is left when it throws.
 */
export function createNamespace<T>(kernel: Kernel, path: string, body: (netns: number) => T): T {
  kernel.close(kernel.openat(AT_FDCWD, path, O.RDONLY | O.CREAT | O.EXCL, 0o444));
  try {
    return away(
      kernel,
      () => kernel.unshare(CLONE.NEWNET),
      () => {
        kernel.mount({ source: OWN_NAMESPACE, target: path, type: "", flags: MS.BIND, data: "" });
        const netns = openOwn(kernel);
        try {
          return body(netns);
        } finally {
          kernel.close(netns);
        }
      },
    );
  } catch (error) {
    removeNamespace(kernel, path);
    throw error;
  }
}

/** Runs `body`, which must not wait for anything, inside the namespace at `path`; it is given a descriptor of it. */
export function inNamespace<T>(kernel: Kernel, path: string, body: (netns: number) => T): T {
  const netns = kernel.openat(AT_FDCWD, path, O.RDONLY, 0);
  try {
    return away(
      kernel,
      () => kernel.setns(netns, CLONE.NEWNET),
      () => body(netns),
    );
  } finally {
    kernel.close(netns);
  }
}

/**
 * Takes the name away. The namespace goes with its last process, and its interfaces (both ends of a veth) with it, in the kernel's own time:
 * deleting them here would hold the caller up for tens of milliseconds. What is not there is fine.
 */
export function removeNamespace(kernel: Kernel, path: string): void {
  unless(["EINVAL", "ENOENT"], () => kernel.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW));
  unless(["ENOENT"], () => kernel.unlinkat(AT_FDCWD, path, 0));
}
