/** A container as a row of `ps`: the fields that `--format` knows. */
import type { ContainerSummary, Port } from "../../../contracts/engine/container.ts";
import type { Row } from "../../format/table.ts";
import { humanDuration, humanSize } from "../../format/units.ts";

export const PS_TITLES: Readonly<Record<string, string>> = {
  ...{ ID: "CONTAINER ID", Names: "NAMES", Image: "IMAGE", Command: "COMMAND", CreatedAt: "CREATED AT" },
  ...{
    RunningFor: "CREATED",
    Ports: "PORTS",
    State: "STATE",
    Status: "STATUS",
    Size: "SIZE",
    Labels: "LABELS",
  },
  ...{ Mounts: "MOUNTS", LocalVolumes: "LOCAL VOLUMES", Networks: "NETWORKS", Platform: "PLATFORM" },
};

const COLUMNS = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
export const PS_FORMAT = `table ${COLUMNS}`;
export const PS_SIZE = `${PS_FORMAT}\t{{.Size}}`;
export const PS_QUIET = "{{.ID}}";

const ID_LENGTH = 12;
const COMMAND_LENGTH = 20;
const MOUNT_LENGTH = 15;

function ellipsis(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

interface Group {
  readonly ip: string;
  readonly type: string;
  readonly shift: number;
  first: number;
  last: number;
}

/** `0.0.0.0:8000-8002->80-82/tcp`: neighbours are one range. */
export function displayPorts(ports: readonly Port[]): string {
  const sorted = ports.toSorted(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      (a.IP ?? "").localeCompare(b.IP ?? "") ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      a.Type.localeCompare(b.Type),
  );
  const groups: Group[] = [];
  for (const { IP = "", PrivatePort, PublicPort, Type } of sorted) {
    const shift = PublicPort === undefined ? Number.NaN : PublicPort - PrivatePort;
    const same = groups.find(
      (group) =>
        group.ip === IP &&
        group.type === Type &&
        Object.is(group.shift, shift) &&
        group.last + 1 === PrivatePort,
    );
    if (same === undefined) groups.push({ ip: IP, type: Type, shift, first: PrivatePort, last: PrivatePort });
    else same.last = PrivatePort;
  }
  const range = (first: number, last: number) => (first === last ? String(first) : `${first}-${last}`);
  return groups
    .map(({ ip, type, shift, first, last }) => {
      const inside = `${range(first, last)}/${type}`;
      if (Number.isNaN(shift)) return inside;
      const host = ip.includes(":") ? `[${ip}]` : ip;
      return `${host}:${range(first + shift, last + shift)}->${inside}`;
    })
    .join(", ");
}

/** `2026-11-25 06:30:00 +0000 UTC` */
export function displayTime(seconds: number): string {
  const iso = new Date(seconds * 1000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} +0000 UTC`;
}

/** Names by links have a slash within: they are left out. */
function namesOf(names: readonly string[], shorten: boolean): string {
  const plain = names.map((name) => name.replace(/^\//, ""));
  return (shorten ? plain.filter((name) => !name.includes("/")) : plain).join(",");
}

export function containerRow(container: ContainerSummary, shorten: boolean, nowMs: number): Row {
  const { Id, Image, Command, Created, Labels, Mounts, SizeRw = 0, SizeRootFs } = container;
  const names = Mounts.map(({ Name, Source }) => Name ?? Source);
  const size = humanSize(SizeRw, 3);
  const command = shorten ? ellipsis(Command, COMMAND_LENGTH) : Command;
  return {
    Command: JSON.stringify(command).replace(/\\"/g, '\\"'),
    CreatedAt: displayTime(Created),
    ID: shorten ? Id.slice(0, ID_LENGTH) : Id,
    Image:
      Image === "" ? "<no image>" : shorten ? Image.replace(/^sha256:([0-9a-f]{12})[0-9a-f]+$/, "$1") : Image,
    Labels: Object.entries(Labels ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    LocalVolumes: String(Mounts.filter(({ Driver }) => Driver === "local").length),
    Mounts: names.map((name) => (shorten ? ellipsis(name, MOUNT_LENGTH) : name)).join(","),
    Names: namesOf(container.Names, shorten),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {})
      .sort()
      .join(","),
    Platform: null,
    Ports: displayPorts(container.Ports ?? []),
    RunningFor: `${humanDuration(nowMs - Created * 1000)} ago`,
    Size:
      SizeRootFs === undefined || SizeRootFs === 0 ? size : `${size} (virtual ${humanSize(SizeRootFs, 3)})`,
    State: container.State,
    Status: container.Status,
  };
}
