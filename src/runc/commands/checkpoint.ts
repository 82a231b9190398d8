/** checkpoint and restore: CRIU is not supported. */
import { SkiffError } from "../../lib/errors.ts";

export async function checkpoint(): Promise<number> {
  throw new SkiffError("unimplemented", "checkpoint is not supported");
}

export async function restore(): Promise<number> {
  throw new SkiffError("unimplemented", "restore is not supported");
}
