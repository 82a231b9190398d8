/**
 * Volumes of skiffd: the driver `local`. A volume is a directory `<data-root>/volumes/<name>/_data`; one with mount options is mounted there while
 * containers that use it run. The record is written when the directory is there, and goes before it: a crash leaves a directory that the next
 * create of the name takes over.
 */
import { mkdirSync, rmSync } from "node:fs";
import type { Volume } from "../../contracts/engine/volume.ts";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError, wrap } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import { type ContainerRecord, isRunning } from "../containers/container.ts";
import type { Volume as AcquiredVolume, VolumeStore } from "../containers/ports.ts";
import type { EventLog } from "../events/log.ts";
import type { VolumeMounts } from "./mount.ts";
import type { VolumeRecord, VolumeTable } from "./store.ts";
import { checkVolumeName, checkVolumeOptions } from "./validate.ts";

export const ANONYMOUS_LABEL = "com.docker.volume.anonymous";
const DRIVER = "local";

export interface VolumeParts {
  readonly dataRoot: string;
  readonly table: VolumeTable;
  readonly mounts: VolumeMounts;
  readonly events: EventLog;
  readonly ids: IdSource;
  readonly clock: Clock;
  /** Asked late: the containers are made after the volumes. */
  readonly containers: () => readonly ContainerRecord[];
}

export interface CreateVolume {
  /** "" makes one up. */
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>> | null;
  readonly labels: Readonly<Record<string, string>> | null;
}

export interface Volumes extends VolumeStore {
  create(request: CreateVolume): VolumeRecord;
  all(): readonly VolumeRecord[];
  /** @throws not_found */
  get(name: string): VolumeRecord;
  /** @throws not_found, conflict when a container uses it */
  remove(name: string, force: boolean): void;
  /** Names of the volumes that containers use → their ids. */
  uses(): ReadonlyMap<string, readonly string[]>;
  pathOf(name: string): string;
}

/** As the API shows it. */
export function volumeView(volume: VolumeRecord, mountpoint: string): Volume {
  return {
    CreatedAt: volume.created,
    Driver: volume.driver,
    Labels: volume.labels,
    Mountpoint: mountpoint,
    Name: volume.name,
    Options: volume.options,
    Scope: "local",
  };
}

function usesOf(containers: readonly ContainerRecord[]): ReadonlyMap<string, readonly string[]> {
  const uses = new Map<string, string[]>();
  for (const { id, mounts } of containers)
    for (const { type, name } of mounts)
      if (type === "volume") uses.set(name, [...(uses.get(name) ?? []), id]);
  return uses;
}

const noSuchVolume = (action: string, name: string) =>
  new SkiffError("not_found", `${action} ${name}: no such volume`);

class LocalVolumes implements Volumes {
  readonly #parts: VolumeParts;

  constructor(parts: VolumeParts) {
    this.#parts = parts;
  }

  pathOf(name: string): string {
    return `${this.#parts.dataRoot}/volumes/${name}/_data`;
  }

  all(): readonly VolumeRecord[] {
    return this.#parts.table.all();
  }

  uses(): ReadonlyMap<string, readonly string[]> {
    return usesOf(this.#parts.containers());
  }

  get(name: string): VolumeRecord {
    const volume = this.#parts.table.get(name);
    if (volume === undefined) throw noSuchVolume("get", name);
    return volume;
  }

  create({ name, driver, options, labels }: CreateVolume): VolumeRecord {
    const { table, ids, clock, events } = this.#parts;
    if (driver !== "" && driver !== DRIVER)
      throw new SkiffError(
        "not_found",
        `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
      );
    const anonymous = name === "";
    const chosen = anonymous ? ids.hex(32) : name;
    const known = table.get(chosen);
    if (known !== undefined) return known;
    try {
      checkVolumeName(chosen);
      checkVolumeOptions(options ?? {});
    } catch (error) {
      throw wrap(error, `create ${chosen}`);
    }
    mkdirSync(`${this.#parts.dataRoot}/volumes/${chosen}`, { recursive: true, mode: 0o701 });
    mkdirSync(this.pathOf(chosen), { recursive: true, mode: 0o755 });
    const created = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const volume: VolumeRecord = {
      ...{ name: chosen, driver: DRIVER, created, options },
      labels: anonymous ? { ...labels, [ANONYMOUS_LABEL]: "" } : labels,
    };
    table.put(volume);
    events.publish("volume", "create", chosen, { driver: DRIVER });
    return volume;
  }

  remove(name: string, force: boolean): void {
    const { table, mounts, events, dataRoot } = this.#parts;
    if (table.get(name) === undefined) {
      if (force) return;
      throw noSuchVolume("get", name);
    }
    const users = this.uses().get(name) ?? [];
    if (users.length > 0)
      throw new SkiffError("conflict", `remove ${name}: volume is in use - [${users.join(", ")}]`);
    mounts.unmount(this.pathOf(name));
    table.remove(name);
    rmSync(`${dataRoot}/volumes/${name}`, { recursive: true, force: true });
    events.publish("volume", "destroy", name, { driver: DRIVER });
  }

  async acquire(
    name: string,
    driver: string,
    options: Readonly<Record<string, string>>,
    labels: Readonly<Record<string, string>>,
  ): Promise<AcquiredVolume> {
    const given = <T extends object>(value: T) => (Object.keys(value).length === 0 ? null : value);
    const volume = this.create({ name, driver, options: given(options), labels: given(labels) });
    return { name: volume.name, driver: volume.driver, mountpoint: this.pathOf(volume.name) };
  }

  async discard(name: string): Promise<void> {
    if (!this.uses().has(name)) this.remove(name, true);
  }

  attach({ id, mounts }: ContainerRecord): void {
    for (const { type, name, destination, driver, rw, propagation } of mounts) {
      if (type !== "volume") continue;
      const volume = this.get(name);
      this.#parts.mounts.mount(this.pathOf(name), volume.options ?? {});
      const attributes = { container: id, destination, driver, propagation, "read/write": String(rw) };
      this.#parts.events.publish("volume", "mount", name, attributes);
    }
  }

  detach({ id, mounts }: ContainerRecord): void {
    const others = this.#parts.containers().filter((other) => other.id !== id && isRunning(other));
    const used = usesOf(others);
    for (const { type, name, driver } of mounts) {
      if (type !== "volume") continue;
      const options = this.#parts.table.get(name)?.options ?? {};
      if (options["type"] !== undefined && !used.has(name)) this.#parts.mounts.unmount(this.pathOf(name));
      this.#parts.events.publish("volume", "unmount", name, { container: id, driver });
    }
  }
}

export function createVolumes(parts: VolumeParts): Volumes {
  return new LocalVolumes(parts);
}
