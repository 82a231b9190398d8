/** Checks what the compiler relies on; messages are runc's where it has one. Unknown fields are ignored, as the specification asks. */
import type { IdMapping, Process, Spec } from "../../contracts/oci/spec.ts";
import { NAMESPACE_TYPES } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";

const ID_MAX = 0xffff_fffe; // 2^32−1 means "no change" to the kernel
const NUL = "\0";

function fail(message: string): never {
  throw new SkiffError("invalid_argument", message);
}

type Fields = Readonly<Record<string, unknown>>;

function object(value: unknown, where: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${where}: not an object`);
  return value as Fields;
}

function strings(value: unknown, where: string): void {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value) || value.some((word) => typeof word !== "string" || word.includes(NUL))) {
    fail(`${where}: not a list of strings`);
  }
}

function id(value: unknown, where: string): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > ID_MAX) {
    fail(`json: cannot unmarshal number ${String(value)} into Go struct field ${where} of type uint32`);
  }
}

function list(value: unknown, where: string): readonly Fields[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) fail(`${where}: not a list`);
  return value.map((entry, at) => object(entry, `${where}[${at}]`));
}

/** CVE-2024-40635, CVE-2026-46680: ids are checked 32-bit numbers, never wrapped. */
export function validateProcess(value: unknown): Process {
  const process = object(value, "process");
  strings(process["args"], "process.args");
  strings(process["env"], "process.env");
  if (typeof process["cwd"] !== "string" || !process["cwd"].startsWith("/"))
    fail("Cwd must be an absolute path");
  if (process["args"] === undefined || (process["args"] as unknown[]).length === 0)
    fail("args must not be empty");
  const user = object(process["user"] ?? {}, "process.user");
  id(user["uid"] ?? 0, "User.process.user.uid");
  id(user["gid"] ?? 0, "User.process.user.gid");
  const groups = user["additionalGids"] ?? [];
  if (!Array.isArray(groups) || groups.length > 1024)
    fail("process.user.additionalGids: not a list of at most 1024");
  for (const gid of groups) id(gid, "User.process.user.additionalGids");
  const seen = new Set<unknown>();
  for (const { type, soft, hard } of list(process["rlimits"], "process.rlimits")) {
    if (seen.has(type)) fail(`rlimit ${String(type)} is given twice`);
    if (typeof soft !== "number" || typeof hard !== "number") fail(`rlimit ${String(type)}: not a number`);
    seen.add(type);
  }
  return {
    ...(process as unknown as Process),
    user: {
      ...(user as unknown as Process["user"]),
      uid: (user["uid"] ?? 0) as number,
      gid: (user["gid"] ?? 0) as number,
    },
  };
}

function validateMounts(mounts: unknown): void {
  for (const mount of list(mounts, "mounts")) {
    const destination = mount["destination"];
    if (typeof destination !== "string" || destination === "") fail("mount destination must not be empty");
    strings(mount["options"], `mount ${destination} options`);
    for (const key of ["type", "source"]) {
      const text = mount[key];
      if (text !== undefined && (typeof text !== "string" || text.includes(NUL)))
        fail(`mount ${destination}: invalid ${key}`);
    }
  }
}

function validateMappings(mappings: unknown, where: string): readonly IdMapping[] {
  const entries = list(mappings, where);
  for (const { containerID, hostID, size } of entries) {
    for (const number of [containerID, hostID]) id(number, where);
    // A count may be all 2^32−1 of them.
    id(typeof size === "number" ? size - 1 : size, where);
  }
  return entries as unknown as readonly IdMapping[];
}

/** A sysctl belongs to a namespace; the container must have that namespace for itself (runc's checks, CVE-2022-0811's class). */
function validateSysctls(sysctls: Fields, fresh: ReadonlySet<unknown>): void {
  const ipc = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
  ];
  for (const [name, value] of Object.entries(sysctls)) {
    if (typeof value !== "string") fail(`sysctl "${name}": value is not a string`);
    const dotted = name.includes("/") ? name.replaceAll("/", ".") : name;
    const needs =
      [...ipc, "kernel.shm_rmid_forced"].includes(dotted) || dotted.startsWith("fs.mqueue.")
        ? "ipc"
        : dotted.startsWith("net.")
          ? "network"
          : dotted === "kernel.domainname"
            ? "uts"
            : undefined;
    if (dotted === "kernel.hostname")
      fail(`sysctl "${name}" is not allowed as it conflicts with the OCI "hostname" field`);
    if (needs === undefined) fail(`sysctl "${name}" is not in a separate kernel namespace`);
    if (!fresh.has(needs)) fail(`sysctl "${name}" is not allowed in the hosts ${needs} namespace`);
  }
}

function validateLinux(linux: Fields, spec: Fields): void {
  const types = new Set<unknown>();
  for (const { type, path } of list(linux["namespaces"], "linux.namespaces")) {
    if (!(NAMESPACE_TYPES as readonly unknown[]).includes(type))
      fail(`namespace "${String(type)}" does not exist`);
    if (types.has(type)) fail(`malformed spec file: duplicated ns {"type":"${String(type)}"}`);
    if (path !== undefined && path !== "" && !(typeof path === "string" && path.startsWith("/"))) {
      fail(`namespace path "${String(path)}" is not absolute`);
    }
    types.add(type);
  }
  validateSysctls(object(linux["sysctl"] ?? {}, "linux.sysctl"), types);
  for (const key of ["uidMappings", "gidMappings"]) {
    if (validateMappings(linux[key], `linux.${key}`).length > 0 && !types.has("user")) {
      fail("User namespace mappings specified, but USER namespace isn't enabled in the config");
    }
  }
  const paths = [linux["maskedPaths"], linux["readonlyPaths"]];
  for (const some of paths) strings(some, "linux paths");
  if (spec["hostname"] && !types.has("uts")) fail("unable to set hostname without a private UTS namespace");
  if (paths.some((some) => Array.isArray(some) && some.length > 0) && !types.has("mount")) {
    fail("unable to restrict sys entries without a private MNT namespace");
  }
}

export function validateSpec(value: unknown): Spec {
  const spec = object(value, "config.json");
  if (typeof spec["ociVersion"] !== "string") fail("ociVersion: not a string");
  validateMounts(spec["mounts"]);
  validateLinux(object(spec["linux"] ?? {}, "linux"), spec);
  if (spec["process"] === undefined || spec["process"] === null) fail("process property must not be empty");
  return { ...(spec as unknown as Spec), process: validateProcess(spec["process"]) };
}
