/** The container's mounts. Targets are resolved in root by the executor; binds are cloned trees, changed before they are visible. */
import type { Mount } from "../../contracts/oci/spec.ts";
import { ancestry } from "../cgroups/hierarchies.ts";
import { SLOT } from "../plan/ops.ts";
import { AT_RECURSIVE, type Compilation, isNew, namespaceOf, O } from "./context.ts";
import { type MountAttr, type MountOptions, MS, PROPAGATION, parseMountOptions } from "./flags.ts";

const READ_ONLY: MountAttr = { set: 1, clear: 0 };

function attributes(
  compilation: Compilation,
  slot: number,
  attr: MountAttr,
  recursive: boolean,
  text: string,
): void {
  if (attr.set === 0 && attr.clear === 0) return;
  compilation.plan.init("attr", text, slot, attr.set, attr.clear, 0, recursive ? 1 : 0);
}

function propagate(compilation: Compilation, slot: number, options: MountOptions, text: string): void {
  for (const flags of options.propagation) {
    compilation.plan.init("attr", text, slot, 0, 0, flags & ~MS.rec, flags & MS.rec ? 1 : 0);
  }
}

/** Opens the mount point again and changes what is mounted there. */
function changeMounted(
  compilation: Compilation,
  target: string,
  options: MountOptions,
  attr: MountAttr,
): void {
  if (options.propagation.length === 0 && attr.set === 0 && attr.clear === 0) return;
  const slot = compilation.plan.slot();
  compilation.plan.init("open", `error mounting at "${target}"`, slot, SLOT.root, target, O.path);
  attributes(compilation, slot, attr, false, `error remounting "${target}"`);
  propagate(compilation, slot, options, `error making "${target}" propagate`);
}

function compileBind(compilation: Compilation, mount: Mount, options: MountOptions): void {
  const { plan, userNamespace } = compilation;
  const source = mount.source?.startsWith("/") ? mount.source : `${compilation.bundle}/${mount.source ?? ""}`;
  const failed = `error mounting "${source}" to rootfs at "${mount.destination}"`;
  const slot = plan.slot();
  /* In a user namespace the source may lie where only the host's root gets. */
  const actor = userNamespace ? plan.early : plan.init;
  actor("tree", `${failed}: stat ${source}`, slot, SLOT.none, source, options.recursive ? AT_RECURSIVE : 0);
  if (userNamespace && !options.propagation.some((flags) => (flags & MS.shared) !== 0)) {
    plan.init("attr", `${failed}: set propagation`, slot, 0, 0, MS.slave, 1);
  }
  if (mount.uidMappings !== undefined || options.idmap !== "") {
    const namespace = plan.slot();
    const path = namespaceOf(compilation.linux, "user")?.path;
    if (path === undefined)
      compilation.warn(`idmapped mount at ${mount.destination} without a user namespace path`);
    else {
      plan.early("open", `${failed}: open user namespace`, namespace, SLOT.none, path, O.readOnly);
      plan.early("idmap", `${failed}: idmap`, slot, namespace, options.idmap === "ridmap" ? 1 : 0);
    }
  }
  attributes(compilation, slot, options.recursiveAttr, true, `${failed}: mount_setattr`);
  attributes(compilation, slot, options.attr, false, `${failed}: mount_setattr`);
  propagate(compilation, slot, options, `${failed}: set propagation`);
  plan.init(
    "place",
    `${failed}: mount ${source}:${mount.destination} (via /proc/self/fd/${slot})`,
    slot,
    mount.destination,
  );
}

/** v1: a tmpfs with one directory per controller; without a cgroup namespace each is a bind of the container's own cgroup. */
function compileCgroupV1(compilation: Compilation, mount: Mount, options: MountOptions): void {
  const { plan, linux, facts, cgroups } = compilation;
  const failed = `error mounting "cgroup" to rootfs at "${mount.destination}"`;
  plan.init("mount", failed, "tmpfs", "tmpfs", mount.destination, options.flags & ~1, "mode=755", 0);
  const fresh = isNew(linux, "cgroup");
  const placed = new Set<string>();
  for (const [controller, path] of Object.entries(cgroups)) {
    const { mountpoint } = facts.hierarchies.of.get(controller)!;
    const name = mountpoint.slice(mountpoint.lastIndexOf("/") + 1);
    if (name !== controller && !controller.startsWith("name=")) {
      plan.init("symlink", failed, name, `${mount.destination}/${controller}`);
    }
    if (placed.has(name)) continue;
    placed.add(name);
    const target = `${mount.destination}/${name}`;
    if (fresh) {
      const data = controller.startsWith("name=") ? `${controller},xattr` : name;
      plan.init("mount", failed, "cgroup", "cgroup", target, options.flags, data, 0);
      continue;
    }
    const slot = plan.slot();
    plan.init("tree", `${failed}: ${path}`, slot, SLOT.none, path, 0);
    attributes(compilation, slot, options.attr, false, failed);
    plan.init("mkdir", failed, target, 0o755);
    plan.init("place", failed, slot, target);
  }
  changeMounted(
    compilation,
    mount.destination,
    options,
    (options.flags & 1) === 1 ? READ_ONLY : { set: 0, clear: 0 },
  );
}

function compileCgroupV2(compilation: Compilation, mount: Mount, options: MountOptions): void {
  const { plan, linux, cgroups } = compilation;
  const failed = `error mounting "cgroup" to rootfs at "${mount.destination}"`;
  if (isNew(linux, "cgroup")) {
    plan.init("mount", failed, "cgroup2", "cgroup", mount.destination, options.flags, options.data, 0);
    return;
  }
  const slot = plan.slot();
  plan.init("tree", failed, slot, SLOT.none, cgroups[""]!, 0);
  attributes(compilation, slot, options.attr, false, failed);
  plan.init("place", failed, slot, mount.destination);
}

function compileFileSystem(
  compilation: Compilation,
  mount: Mount,
  type: string,
  options: MountOptions,
): void {
  const { plan, linux } = compilation;
  const { destination } = mount;
  const source = mount.source || type;
  const failed = `error mounting "${source}" to rootfs at "${destination}"`;
  const system = type === "proc" || type === "sysfs";
  const label = linux.mountLabel && !system && type !== "mqueue" ? `context="${linux.mountLabel}"` : "";
  const data = [options.data, label].filter((part) => part !== "").join(",");
  /* What has to be filled first is made read-only later. */
  const late = type === "tmpfs" && (options.copyUp || destination === "/dev");
  const text = system
    ? `filesystem "${type}" must be mounted on ordinary directory: ${failed}`
    : `${failed}: mount ${source}:${destination}`;
  const before = plan.slot();
  if (options.copyUp) {
    plan.init("mkdir", failed, destination, 0o755);
    plan.init("open", failed, before, SLOT.root, destination, O.path | O.directory);
  }
  plan.init(
    "mount",
    text,
    type,
    source,
    destination,
    late ? options.flags & ~1 : options.flags,
    data,
    system ? 1 : 0,
  );
  if (options.copyUp) plan.init("copyup", `tmpcopyup: ${failed}`, before, destination);
  const readOnly = late && destination !== "/dev" && (options.flags & 1) === 1;
  changeMounted(compilation, destination, options, readOnly ? READ_ONLY : { set: 0, clear: 0 });
}

/** All mounts in the spec's order. */
export function compileMounts(compilation: Compilation): void {
  for (const mount of compilation.spec.mounts ?? []) {
    const options = parseMountOptions(mount.options ?? []);
    const type = mount.type ?? "";
    if (type === "cgroup" || (type === "cgroup2" && !options.bind)) {
      const compile = compilation.facts.hierarchies.version === 2 ? compileCgroupV2 : compileCgroupV1;
      compile(compilation, mount, options);
    } else if (options.bind || type === "bind" || type === "rbind") compileBind(compilation, mount, options);
    else compileFileSystem(compilation, mount, type, options);
  }
}

/**
 * The rootfs as a mount of its own. The caller's mounts are made slaves (or what `rootfsPropagation` says) first, so that nothing
 * of the container's shows outside.
 */
export function compileRoot(compilation: Compilation): void {
  const { plan, rootfs, linux, userNamespace } = compilation;
  const propagation = PROPAGATION[linux.rootfsPropagation ?? ""] ?? PROPAGATION["rslave"]!;
  const open = (path: string, text: string): void =>
    plan.init("open", text, SLOT.root, SLOT.none, path, O.path | O.directory);
  open("/", "open /");
  plan.init("attr", "error preparing rootfs propagation", SLOT.root, 0, 0, propagation & ~MS.rec, 1);
  if ((propagation & MS.shared) !== 0) {
    /* pivot_root refuses a root whose parent mount is shared, and a shared root. */
    const parent = plan.slot();
    const point = mountpointOf(compilation, rootfs);
    plan.init("open", `open ${point}`, parent, SLOT.none, point, O.path | O.directory);
    plan.init("attr", `make ${point} private`, parent, 0, 0, MS.private, 0);
  }
  const slot = plan.slot();
  const actor = userNamespace ? plan.early : plan.init;
  actor("tree", `error preparing rootfs: stat ${rootfs}`, slot, SLOT.none, rootfs, AT_RECURSIVE);
  /* Cloned by host it is still the host's peer: what is mounted inside would show outside. */
  if (userNamespace) plan.init("attr", "error preparing rootfs propagation", slot, 0, 0, MS.slave, 1);
  plan.init("place", "error preparing rootfs: bind", slot, rootfs);
  open(rootfs, `error preparing rootfs: open ${rootfs}`);
}

function mountpointOf({ facts }: Compilation, path: string): string {
  const points = new Set(
    facts
      .readText("/proc/self/mountinfo")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? ""),
  );
  return ancestry("", path).findLast((level) => points.has(level)) ?? "/";
}
