/** `--chown=user:group` by the files of the image that is being built. */
import { SkiffError } from "../../lib/errors.ts";
import type { RootFiles } from "../containers/root/files.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const FILE_BYTES_MAX = 16 * 1024 * 1024;
const ID_MAX = 0xffff_fffe;

function lookUp(text: string, kind: "user" | "group", name: string): number {
  if (/^[0-9]{1,10}$/.test(name) && Number(name) <= ID_MAX) return Number(name);
  for (const line of text.split("\n")) {
    const [own, , id = ""] = line.split(":");
    if (own === name && /^[0-9]{1,10}$/.test(id)) return Number(id);
  }
  throw new SkiffError(
    "invalid_argument",
    `unable to convert uid/gid chown string to host mapping: can't find ${kind === "user" ? "uid" : "gid"} for ${kind} ${name}: no such ${kind}: ${name}`,
  );
}

/** Without a group, the one that is called as the user. @throws invalid_argument in dockerd's words */
export function ownerOf(files: RootFiles, root: string, asked: string): Owner {
  const [user = "", group = "", ...more] = asked.split(":");
  if (more.length > 0) throw new SkiffError("invalid_argument", `invalid chown string provided: ${asked}`);
  const read = (path: string) => files.readText(root, path, FILE_BYTES_MAX) ?? "";
  return {
    uid: lookUp(read("/etc/passwd"), "user", user),
    gid: lookUp(read("/etc/group"), "group", group === "" ? user : group),
  };
}
