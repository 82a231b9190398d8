/**
 * The embedded skiff-init as something that can be executed.
 *
 * It is copied once per process into sealed memory: a container that manages to open its own init for writing (CVE-2019-5736) finds a file that no
 * one can change, and nothing on disk has to be trusted or cleaned up.
 */
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import embedded from "../../native/build/skiff-init" with { type: "file" };
import { MFD } from "./constants.ts";
import { seal } from "./descriptors.ts";
import { linuxKernel } from "./linux.ts";

let opened: string | undefined;

/** Path of the program, valid while this process lives. Children may execute it at any time after that by what they have inherited. */
export function openInit(): string {
  if (opened === undefined) {
    const program = readFileSync(embedded);
    // Not closed on exec of others: the path goes through /proc, so it needs no inheritance either way.
    const fd = linuxKernel.memfdCreate("skiff-init", MFD.CLOEXEC | MFD.ALLOW_SEALING);
    for (let done = 0; done < program.length; ) done += linuxKernel.write(fd, program.subarray(done));
    seal(linuxKernel, fd);
    opened = `/proc/${process.pid}/fd/${fd}`;
  }
  return opened;
}

/**
 * A copy as a file, for what must be mounted into a container (`docker run --init`): memory cannot be. It is put in place by rename, so that a
 * container which has the old one mounted keeps it. Returns its path.
 */
export function installInit(directory: string): string {
  const path = `${directory}/skiff-init`;
  const program = readFileSync(embedded);
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, program, { mode: 0o555 });
  // Whatever the umask is: the container's user may be anyone.
  chmodSync(fresh, 0o555);
  renameSync(fresh, path);
  return path;
}
