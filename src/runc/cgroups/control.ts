/** A container's cgroups while it lives: who is in them, freeze, kill, limits, counters, removal. */
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import type { Resources } from "../../contracts/oci/spec.ts";
import { messageOf, SkiffError } from "../../lib/errors.ts";
import type { CgroupPaths } from "./hierarchies.ts";
import { type CgroupWrite, limitWritesV1, limitWritesV2 } from "./writes.ts";

export interface CgroupControl {
  /** Every process of the container, those in cgroups below included; host pids. */
  pids(): number[];
  frozen(): boolean;
  freeze(on: boolean): Promise<void>;
  update(resources: Resources): void;
  /** Signals all; SIGKILL cannot be outrun by forks. */
  signal(signal: number): Promise<void>;
  /** Kills what is left and removes the cgroups. */
  remove(): Promise<void>;
}

const SIGKILL = 9;
const FREEZE_MS_MAX = 10_000;
const REMOVE_MS_MAX = 10_000;
const WAIT_MS_MAX = 50;

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? "";

function descendants(directory: string): string[] {
  let names: string[] = [];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${directory}/${entry.name}`);
  } catch {
    // gone meanwhile
  }
  return [...names.flatMap(descendants), directory];
}

/** Looks again and again, less and less often, until `done`; false when the time is over. */
async function until(done: () => boolean, limitMs: number): Promise<boolean> {
  for (let waited = 0, pause = 1; !done(); pause = Math.min(pause * 2, WAIT_MS_MAX)) {
    if (waited >= limitMs) return false;
    await Bun.sleep(pause);
    waited += pause;
  }
  return true;
}

function killAll(pids: readonly number[], signal: number): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (codeOf(error) !== "ESRCH") throw error;
    }
  }
}

function apply(paths: CgroupPaths, write: CgroupWrite): void {
  const directory = paths[write.controller];
  if (directory === undefined) return;
  try {
    writeFileSync(`${directory}/${write.file}`, write.text);
  } catch (error) {
    if (write.optional === true) return;
    throw new SkiffError("invalid_argument", `failed to write "${write.text}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** "" when it is gone, else why not. */
function rmdir(directory: string): string {
  try {
    rmdirSync(directory);
    return "";
  } catch (error) {
    return codeOf(error) === "ENOENT" ? "" : codeOf(error);
  }
}

async function removeTree(directory: string, kill: () => void): Promise<void> {
  if (rmdir(directory) === "") return;
  const removed = await until(() => {
    if (descendants(directory).every((one) => rmdir(one) === "")) return true;
    kill();
    return false;
  }, REMOVE_MS_MAX);
  if (!removed)
    throw new SkiffError("unavailable", `failed to remove cgroup ${directory}: device or resource busy`);
}

export function createCgroupControl(paths: CgroupPaths, version: 1 | 2): CgroupControl {
  const base =
    version === 2 ? paths[""]! : (paths["pids"] ?? paths["devices"] ?? Object.values(paths)[0] ?? "");
  const freezer = version === 2 ? base : paths["freezer"];
  const stateFile = version === 2 ? `${freezer}/cgroup.freeze` : `${freezer}/freezer.state`;
  const frozenNow = (): boolean =>
    version === 2
      ? readText(`${freezer}/cgroup.events`).includes("frozen 1")
      : readText(stateFile).trim() === "FROZEN";
  const pids = (): number[] =>
    descendants(base).flatMap((one) =>
      readText(`${one}/cgroup.procs`).split("\n").filter(Boolean).map(Number),
    );
  const setFrozen = async (on: boolean): Promise<void> => {
    if (freezer === undefined) throw new SkiffError("failed_precondition", "freezer cgroup is not mounted");
    const word = version === 2 ? (on ? "1" : "0") : on ? "FROZEN" : "THAWED";
    /* On v1 a fork may slip through and leave it FREEZING: it is written again. */
    const done = await until(() => {
      writeFileSync(stateFile, word);
      return frozenNow() === on;
    }, FREEZE_MS_MAX);
    if (!done) throw new SkiffError("deadline_exceeded", "unable to freeze");
  };
  const signal = async (number: number): Promise<void> => {
    if (number === SIGKILL && version === 2 && existsSync(`${base}/cgroup.kill`)) {
      writeFileSync(`${base}/cgroup.kill`, "1");
      return;
    }
    const wasFrozen = freezer !== undefined && frozenNow();
    const freeze = number === SIGKILL && freezer !== undefined && !wasFrozen && pids().length > 1;
    if (freeze) await setFrozen(true).catch(() => undefined);
    killAll(pids(), number);
    if (freeze || (wasFrozen && number === SIGKILL)) writeFileSync(stateFile, version === 2 ? "0" : "THAWED");
  };
  const limits = (resources: Resources): CgroupWrite[] => {
    if (version === 2) return limitWritesV2(resources);
    const now = Number(
      readText(`${paths["memory"]}/memory.memsw.limit_in_bytes`) ||
        readText(`${paths["memory"]}/memory.limit_in_bytes`),
    );
    return limitWritesV1(resources, now);
  };
  return {
    pids,
    signal,
    frozen: () => freezer !== undefined && frozenNow(),
    freeze: setFrozen,
    update: (resources) => {
      for (const write of limits(resources)) apply(paths, write);
    },
    async remove() {
      const kill = (): void => {
        if (freezer !== undefined && frozenNow()) writeFileSync(stateFile, version === 2 ? "0" : "THAWED");
        killAll(pids(), SIGKILL);
      };
      for (const directory of Object.values(paths)) await removeTree(directory, kill);
    },
  };
}
