/**
 * Bundles: what the OCI runtime is started with.
 *
 *     <state>/io.containerd.runtime.v2.task/<namespace>/<id>/
 *     ├── config.json     the container's spec, as its client wrote it
 *     └── rootfs/         where the Task service mounts the root file system, when it is asked to
 *
 * Ids are checked identifiers (core/identifiers), so the paths cannot leave the directory.
 */
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, SkiffError, wrap } from "../../lib/errors.ts";
import { checkIdentifier } from "./identifiers.ts";

export interface Bundles {
  /**
   * Makes a bundle and answers its path. A directory that is left from a crash is replaced; `probe` tells the two apart: it fails with
   * `not_found` when no task uses the directory. Throws `already_exists` when one does.
   */
  create(namespace: string, id: string, config: Uint8Array, probe: () => Promise<void>): Promise<string>;
  /** Removes a bundle; nothing happens when it has gone. */
  remove(namespace: string, id: string): void;
}

function isErrno(error: unknown, code: string): boolean {
  return (error as { code?: string }).code === code;
}

export function createBundles(stateDir: string): Bundles {
  const pathOf = (namespace: string, id: string): string => {
    checkIdentifier(namespace, "namespace");
    checkIdentifier(id, "container");
    return join(stateDir, namespace, id);
  };
  const remove = (path: string): void => {
    try {
      // Not recursively before this has succeeded: were something still mounted there, its content would be deleted.
      rmdirSync(join(path, "rootfs"));
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw wrap(error, `remove bundle ${path}`);
    }
    rmSync(path, { recursive: true, force: true });
  };
  return {
    async create(namespace, id, config, probe) {
      const path = pathOf(namespace, id);
      mkdirSync(join(stateDir, namespace), { recursive: true, mode: 0o711 });
      try {
        mkdirSync(path, { mode: 0o700 });
      } catch (error) {
        if (!isErrno(error, "EEXIST")) throw wrap(error, `create bundle ${path}`);
        const used = await probe().then(
          () => true,
          (reason: unknown) => codeOf(reason) !== "not_found",
        );
        if (used) throw new SkiffError("already_exists", `task ${id}: already exists`);
        remove(path);
        mkdirSync(path, { mode: 0o700 });
      }
      mkdirSync(join(path, "rootfs"), { mode: 0o711 });
      writeFileSync(join(path, "config.json"), config, { mode: 0o600 });
      return path;
    },
    remove(namespace, id) {
      remove(pathOf(namespace, id));
    },
  };
}
