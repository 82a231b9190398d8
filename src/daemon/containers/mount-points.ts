/** `-v`, `--mount`, `--volumes-from`, VOLUME: from the client's words to the container's mount points. Only text; volumes are made later. */
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerConfig, HostConfig, MountRequest } from "./config.ts";
import type { ContainerRecord, MountPoint } from "./container.ts";

/** A volume to be found or made: its source is not known yet. */
export interface VolumeRequest {
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PlannedMountPoint extends MountPoint {
  readonly volume?: VolumeRequest;
}

const MODE_GROUPS: readonly (readonly string[])[] = [
  ["rw", "ro"],
  ["z", "Z"],
  ["private", "rprivate", "slave", "rslave", "shared", "rshared"],
  ["nocopy"],
  ["consistent", "cached", "delegated"],
];
const PROPAGATIONS = MODE_GROUPS[2]!;
const DEFAULT_PROPAGATION = "rprivate";
const LOCAL_DRIVER = "local";
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

function isValidMode(mode: string): boolean {
  if (mode === "") return true;
  const groups = mode.split(",").map((word) => MODE_GROUPS.findIndex((group) => group.includes(word)));
  return !groups.includes(-1) && new Set(groups).size === groups.length;
}

const invalid = (text: string) => new SkiffError("invalid_argument", text);

function destinationOf(target: string, fail: (why: string) => SkiffError): string {
  if (!target.startsWith("/")) throw fail(`invalid mount path: '${target}' mount path must be absolute`);
  const destination = posix.normalize(target).replace(/(?<=.)\/$/, "");
  if (destination === "/") throw fail("invalid specification: destination can't be '/'");
  return destination;
}

const BASE: MountPoint = Object.freeze({
  type: "volume",
  name: "",
  source: "",
  destination: "",
  driver: "",
  mode: "",
  rw: true,
  propagation: "",
  copyUp: true,
  anonymous: false,
  recursive: true,
  subpath: "",
  createSource: false,
});

const volumeRequest = (driver: string): VolumeRequest => ({
  driver: driver === "" ? LOCAL_DRIVER : driver,
  options: {},
  labels: {},
});

/** `source:destination[:mode]`, or a destination alone: an anonymous volume. */
export function parseBind(bind: string, driver: string): PlannedMountPoint {
  const spec = `invalid volume specification: '${bind}'`;
  const parts = bind.split(":");
  const [first = "", second, mode = ""] = parts;
  if (first === "" || parts.length > 3 || (parts.length === 2 && isValidMode(second!))) throw invalid(spec);
  if (!isValidMode(mode)) throw invalid(`invalid mode: ${mode}`);
  const fail = (why: string) => invalid(`${spec}: ${why}`);
  const words = mode.split(",");
  const rest = { mode, rw: !words.includes("ro"), copyUp: !words.includes("nocopy") };
  const destination = destinationOf(second ?? first, fail);
  if (second !== undefined && first.startsWith("/")) {
    const propagation = words.find((word) => PROPAGATIONS.includes(word)) ?? DEFAULT_PROPAGATION;
    const source = posix.normalize(first).replace(/(?<=.)\/$/, "");
    return { ...BASE, ...rest, type: "bind", source, destination, propagation, createSource: true };
  }
  const name = second === undefined ? "" : first;
  if (name !== "" && !VOLUME_NAME.test(name)) {
    const hint = "If you intended to pass a host directory, use absolute path";
    throw fail(
      `invalid mount config for type "volume": invalid volume name: "${name}" includes invalid characters for a local volume name, ` +
        `only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ${hint}`,
    );
  }
  return { ...BASE, ...rest, name, destination, anonymous: name === "", volume: volumeRequest(driver) };
}

function tmpfsData(mount: MountRequest, fail: (why: string) => SkiffError): string {
  const { SizeBytes = 0, Mode = 0, Options = [] } = mount.TmpfsOptions ?? {};
  const more = Options.map((option) => {
    if (option.length < 1 || option.length > 2) throw fail("invalid option array length");
    if (option[0] !== "exec" && option[0] !== "noexec") throw fail(`invalid option: ${option[0]}`);
    return option.join("=");
  });
  return [
    ...(mount.ReadOnly === true ? ["ro"] : []),
    ...(Mode === 0 ? [] : [`mode=${Mode.toString(8)}`]),
    ...(SizeBytes === 0 ? [] : [`size=${SizeBytes}`]),
    ...more,
  ].join(",");
}

function parseBindMount(
  mount: MountRequest,
  base: MountPoint,
  fail: (why: string) => SkiffError,
): MountPoint {
  const { Source = "", BindOptions: options = {} } = mount;
  if (Source === "") throw fail("field Source must not be empty");
  if (!Source.startsWith("/")) throw fail(`invalid mount path: '${Source}' mount path must be absolute`);
  const propagation = options.Propagation || DEFAULT_PROPAGATION;
  if (!PROPAGATIONS.includes(propagation)) throw fail(`invalid propagation mode: ${propagation}`);
  const createSource = options.CreateMountpoint === true;
  if (!createSource && !existsSync(Source)) throw fail(`bind source path does not exist: ${Source}`);
  const source = posix.normalize(Source).replace(/(?<=.)\/$/, "");
  return {
    ...base,
    type: "bind",
    source,
    propagation,
    createSource,
    recursive: options.NonRecursive !== true,
  };
}

/** One `--mount`; errors start as Docker's: `invalid mount config for type "bind": …`. */
export function parseMount(mount: MountRequest): PlannedMountPoint {
  const fail = (why: string) => invalid(`invalid mount config for type "${mount.Type}": ${why}`);
  if ((mount.Target ?? "") === "") throw fail("field Target must not be empty");
  const destination = destinationOf(mount.Target, fail);
  for (const [type, field] of [
    ["bind", "BindOptions"],
    ["volume", "VolumeOptions"],
    ["tmpfs", "TmpfsOptions"],
  ] as const) {
    const options = mount[field];
    if (mount.Type !== type && options !== undefined && options !== null)
      throw fail(`field ${field} must not be specified`);
  }
  const base = { ...BASE, destination, rw: mount.ReadOnly !== true };
  if (mount.Type === "bind") return parseBindMount(mount, base, fail);
  if (mount.Type === "tmpfs") {
    if ((mount.Source ?? "") !== "") throw fail("field Source must not be specified");
    return { ...base, type: "tmpfs", mode: tmpfsData(mount, fail), copyUp: false };
  }
  if (mount.Type !== "volume") throw fail("mount type unknown");
  const { NoCopy, Labels, Subpath = "", DriverConfig } = mount.VolumeOptions ?? {};
  const name = mount.Source ?? "";
  if (Subpath !== "") {
    if (name === "") throw fail("must not set Subpath when using anonymous volumes");
    const local = posix.normalize(Subpath);
    if (local.startsWith("/") || local === ".." || local.startsWith("../"))
      throw fail("subpath must be a relative path within the volume");
  }
  return {
    ...base,
    name,
    anonymous: name === "",
    copyUp: NoCopy !== true,
    subpath: Subpath,
    // What dockerd puts there when nothing is said.
    mode: "z",
    volume: {
      ...volumeRequest(DriverConfig?.Name ?? ""),
      options: DriverConfig?.Options ?? {},
      labels: Labels ?? {},
    },
  };
}

function fromOthers(
  host: HostConfig,
  find: (reference: string) => ContainerRecord,
): readonly PlannedMountPoint[] {
  return (host.VolumesFrom ?? []).flatMap((spec) => {
    const [reference = "", mode = ""] = spec.split(":");
    if (reference === "") throw invalid("volumes-from specification cannot be an empty string");
    if (mode !== "" && mode !== "rw" && mode !== "ro" && mode !== "z" && mode !== "Z")
      throw invalid(`invalid mode: ${mode}`);
    return find(reference).mounts.map((mount) => ({
      ...mount,
      rw: mount.rw && mode !== "ro",
      copyUp: false,
      anonymous: false,
    }));
  });
}

/**
 * Every mount point of a container but `--tmpfs`, in order of precedence: VOLUMEs give way to --volumes-from, those to -v and --mount.
 * @throws invalid_argument in Docker's words, also for two of the user's on one destination.
 */
export function planMountPoints(
  config: ContainerConfig,
  host: HostConfig,
  find: (reference: string) => ContainerRecord,
): readonly PlannedMountPoint[] {
  const planned = new Map(fromOthers(host, find).map((mount) => [mount.destination, mount]));
  const asked = [
    ...(host.Binds ?? []).map((bind) => parseBind(bind, host.VolumeDriver)),
    ...(host.Mounts ?? []).map(parseMount),
  ];
  const seen = new Set(Object.keys(host.Tmpfs ?? {}));
  for (const mount of asked) {
    if (seen.has(mount.destination)) throw invalid(`Duplicate mount point: ${mount.destination}`);
    seen.add(mount.destination);
    planned.set(mount.destination, mount);
  }
  for (const target of Object.keys(config.Volumes ?? {})) {
    const destination = destinationOf(target, (why) => invalid(`invalid volume specification: ${why}`));
    if (planned.has(destination) || seen.has(destination)) continue;
    const volume = volumeRequest(host.VolumeDriver);
    planned.set(destination, { ...BASE, destination, anonymous: true, volume });
  }
  return [...planned.values()];
}
