/** A container as a row of `ps`: the fields that `--format` knows. */
import type { ContainerSummary, Port } from "../../../contracts/engine/container.ts";
import { familiarString, parseReference } from "../../../lib/reference.ts";
import type { Row } from "../../format/table.ts";
import { humanDuration, humanSize } from "../../format/units.ts";
import { labelText, shortId } from "../../format/words.ts";

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
/** `--format raw` */
export const PS_RAW = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}\\n`;
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
  readonly first: number;
  last: number;
}

function groupText({ ip, type, first, last }: Group): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return `${ip === "" ? "" : `${hostText(ip)}:${range}->`}${range}/${type}`;
}

const hostText = (ip: string) => (ip.includes(":") ? `[${ip}]` : ip);
const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** `80-82/tcp, 0.0.0.0:8000->80/tcp`: neighbours are one range where they keep their numbers; what has another outside comes last. */
export function displayPorts(ports: readonly Port[]): string {
  const sorted = ports.toSorted(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      order(a.IP ?? "", b.IP ?? "") ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      order(a.Type, b.Type),
  );
  const ended: string[] = [];
  const mapped: string[] = [];
  const open = new Map<string, Group>();
  for (const { IP: ip = "", PrivatePort: port, PublicPort = 0, Type: type } of sorted) {
    if (ip !== "" && PublicPort !== port) {
      mapped.push(`${hostText(ip)}:${PublicPort}->${port}/${type}`);
      continue;
    }
    const key = `${ip}/${type}`;
    const group = open.get(key);
    if (group?.last === port - 1) group.last = port;
    else {
      if (group !== undefined) ended.push(groupText(group));
      open.set(key, { ip, type, first: port, last: port });
    }
  }
  return [...ended, ...[...open.values()].map(groupText), ...mapped].join(", ");
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

/** As it was asked for, without a digest; an image's own id in short. */
function imageOf({ Image, ImageID }: ContainerSummary, shorten: boolean): string {
  if (Image === "") return "<no image>";
  if (!shorten) return Image;
  if (shortId(ImageID) === shortId(Image)) return shortId(Image);
  try {
    return familiarString({ ...parseReference(Image), digest: "" });
  } catch {
    return Image;
  }
}

export function containerRow(container: ContainerSummary, shorten: boolean, nowMs: number): Row {
  const { Id, Command, Created, Labels, Mounts, SizeRw = 0, SizeRootFs } = container;
  const names = Mounts.map(({ Name, Source }) => Name ?? Source);
  const size = humanSize(SizeRw, 3);
  const command = shorten ? ellipsis(Command, COMMAND_LENGTH) : Command;
  return {
    Command: JSON.stringify(command).replace(/\\"/g, '\\"'),
    CreatedAt: displayTime(Created),
    ID: shorten ? Id.slice(0, ID_LENGTH) : Id,
    Image: imageOf(container, shorten),
    Labels: labelText(Labels),
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
