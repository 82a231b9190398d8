/**
 * The embedded skiff-init as something that can be executed.
 *
 * It is copied once per process into sealed memory: a container that manages to open its own init for writing (CVE-2019-5736) finds a file that no
 * one can change, and nothing on disk has to be trusted or cleaned up.
 */
import { readFileSync } from "node:fs";
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
