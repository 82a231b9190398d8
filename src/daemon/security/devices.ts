/** Device nodes a container may use: Docker's rules for the default ones, `--device`, `--device-cgroup-rule` and `--privileged`. */
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { Device, DeviceRule } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";

const character = (major: number, minor: number, allow = true): DeviceRule => ({
  allow,
  type: "c",
  major,
  minor,
  access: "rwm",
});

/** Nothing but zero, null, urandom, random, tty and console; fuse is named as refused. */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = Object.freeze([
  { allow: false, access: "rwm" },
  character(1, 5),
  character(1, 3),
  character(1, 9),
  character(1, 8),
  character(5, 0),
  character(5, 1),
  character(10, 229, false),
]);

export const ALL_DEVICES: readonly DeviceRule[] = Object.freeze([{ allow: true, access: "rwm" }]);

/** Linux' encoding of a device number in st_rdev (glibc's gnu_dev_major and gnu_dev_minor). */
function majorOf(rdev: number): number {
  const number = BigInt(rdev);
  return Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xffff_f000n));
}

function minorOf(rdev: number): number {
  const number = BigInt(rdev);
  return Number((number & 0xffn) | ((number >> 12n) & 0xffff_ff00n));
}

function toDevice(path: string, stat: Stats): Device | undefined {
  const type = stat.isCharacterDevice() ? "c" : stat.isBlockDevice() ? "b" : undefined;
  if (type === undefined) return undefined;
  return {
    type,
    path,
    major: majorOf(stat.rdev),
    minor: minorOf(stat.rdev),
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

/** Directories of /dev that hold no devices of the host's own, or that every container gets for itself. */
const SKIPPED = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"]);

function walk(directory: string, place: (path: string) => string): Device[] {
  const found: Device[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) found.push(...walk(path, place));
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) continue;
    if (path === "/dev/console") continue;
    try {
      const device = toDevice(place(path), lstatSync(path));
      if (device !== undefined) found.push(device);
    } catch {
      // Unplugged since readdir.
    }
  }
  return found;
}

/** Every device node of the host, for `--privileged`. */
export function hostDevices(): readonly Device[] {
  return walk("/dev", (path) => path);
}

export interface DeviceRequest {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

/** The nodes of one `--device`: a node, or every node below a directory. */
export function devicesFromPath(request: DeviceRequest): readonly Device[] {
  const { PathOnHost, PathInContainer } = request;
  const fail = (why: string) =>
    new SkiffError(
      "invalid_argument",
      `error gathering device information while adding custom device "${PathOnHost}": ${why}`,
    );
  let path: string;
  try {
    path = realpathSync(PathOnHost);
  } catch {
    throw fail("no such file or directory");
  }
  const stat = statSync(path);
  const inside = PathInContainer === "" ? PathOnHost : PathInContainer;
  const single = toDevice(inside, stat);
  if (single !== undefined) return [single];
  if (!stat.isDirectory()) throw fail("not a device node");
  const found = walk(path, (below) => join(inside, below.slice(path.length)));
  if (found.length === 0) throw fail("not a device node");
  return found;
}

export function ruleOf(device: Device, access: string): DeviceRule {
  return {
    allow: true,
    type: device.type,
    ...(device.major === undefined ? {} : { major: device.major }),
    ...(device.minor === undefined ? {} : { minor: device.minor }),
    access: access === "" ? "rwm" : access,
  };
}

const RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

/** `c 1:3 rwm`. */
export function parseDeviceRule(text: string): DeviceRule {
  const match = RULE.exec(text);
  if (match === null)
    throw new SkiffError("invalid_argument", `invalid device cgroup rule format: '${text}'`);
  const number = (digits: string) => (digits === "*" ? -1 : Number(digits));
  return {
    allow: true,
    type: match[1]!,
    major: number(match[2]!),
    minor: number(match[3]!),
    access: match[4]!,
  };
}
