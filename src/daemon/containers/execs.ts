/** Commands run beside a container's own process. They live as long as skiffd: a restart forgets them, as dockerd's does. */
import { SkiffError } from "../../lib/errors.ts";

export interface ExecConfig {
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly User: string;
  readonly Privileged: boolean;
  readonly DetachKeys: string;
  /** Rows and columns. */
  readonly ConsoleSize?: readonly [number, number] | null;
}

export interface ExecRecord {
  readonly id: string;
  readonly containerId: string;
  readonly config: ExecConfig;
  readonly started: boolean;
  readonly running: boolean;
  readonly pid: number;
  /** null while it runs. */
  readonly exitCode: number | null;
}

/** Ended ones are kept for `exec inspect`; the oldest go first. */
const ENDED_MAX = 1024;

export class Execs {
  readonly #byId = new Map<string, ExecRecord>();

  get(id: string): ExecRecord {
    const exec = this.#byId.get(id);
    if (exec === undefined) throw new SkiffError("not_found", `No such exec instance: ${id}`);
    return exec;
  }

  find(id: string): ExecRecord | undefined {
    return this.#byId.get(id);
  }

  put(exec: ExecRecord): void {
    this.#byId.set(exec.id, exec);
    const ended = [...this.#byId.values()].filter(({ exitCode }) => exitCode !== null);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - ENDED_MAX))) this.#byId.delete(id);
  }

  change(id: string, change: Partial<ExecRecord>): ExecRecord | undefined {
    const exec = this.#byId.get(id);
    if (exec === undefined) return undefined;
    const changed = { ...exec, ...change };
    this.#byId.set(id, changed);
    return changed;
  }

  remove(id: string): void {
    this.#byId.delete(id);
  }

  /** Those of a container that have not ended. */
  idsOf(containerId: string): readonly string[] {
    return this.of(containerId)
      .filter(({ exitCode }) => exitCode === null)
      .map(({ id }) => id);
  }

  of(containerId: string): readonly ExecRecord[] {
    return [...this.#byId.values()].filter((exec) => exec.containerId === containerId);
  }
}
