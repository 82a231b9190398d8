/** config.json from a bundle: read with a bound, parsed, checked. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path/posix";
import type { Spec } from "../../contracts/oci/spec.ts";
import { messageOf, SkiffError } from "../../lib/errors.ts";
import { validateSpec } from "./validate.ts";

const CONFIG_BYTES_MAX = 8 << 20;

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SkiffError("invalid_argument", `parse ${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** `config`: crun's `--config`, another file than the bundle's config.json; relative to the working directory. */
export function loadSpec(bundle: string, config?: string): Spec {
  const path = config ?? join(bundle, "config.json");
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    throw new SkiffError("not_found", `JSON specification file ${config ?? "config.json"} not found`);
  }
  if (size > CONFIG_BYTES_MAX)
    throw new SkiffError("invalid_argument", `${path}: larger than ${CONFIG_BYTES_MAX} bytes`);
  return validateSpec(parseJson(readFileSync(path, "utf8"), "config.json"));
}

/** The rootfs as an absolute path without links. The path to it is the caller's, not the image's. */
export function resolveRootfs(bundle: string, spec: Spec): string {
  const path = spec.root?.path ?? "";
  if (path === "") throw new SkiffError("invalid_argument", "root property must not be empty");
  try {
    return realpathSync(isAbsolute(path) ? path : join(bundle, path));
  } catch (error) {
    throw new SkiffError("invalid_argument", `invalid rootfs: ${messageOf(error)}`, { cause: error });
  }
}
