/**
 * Who the container's process is: `-u`, looked up in the *image's* passwd and group files.
 *
 * Their bytes come from the image and are not trusted: the caller bounds the read, this module bounds numbers to 0–2147483647. A
 * string of digits is never a name, however long (CVE-2024-40635, CVE-2026-46680), and a home directory with control characters is no
 * home directory (CVE-2022-4318).
 */
import { SkiffError } from "../../../lib/errors.ts";

const ID_MAX = 2 ** 31 - 1;

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group first, as dockerd writes it. */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function parseId(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const id = Number(text);
  return id <= ID_MAX ? id : undefined;
}

/** Lines whose fields are whole; others are skipped, as the C library does. */
function rows(file: string): string[][] {
  return file
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function parsePasswd(file: string): PasswdEntry[] {
  return rows(file).flatMap(([name = "", , uid = "", gid = "", , home = ""]) => {
    const ids = { uid: parseId(uid), gid: parseId(gid) };
    if (ids.uid === undefined || ids.gid === undefined) return [];
    return [{ name, uid: ids.uid, gid: ids.gid, home: /^\/[^\x00-\x1f\x7f]*$/.test(home) ? home : "/" }];
  });
}

function parseGroup(file: string): GroupEntry[] {
  return rows(file).flatMap(([name = "", , gid = "", members = ""]) => {
    const id = parseId(gid);
    return id === undefined ? [] : [{ name, gid: id, members: members.split(",").filter((m) => m !== "") }];
  });
}

const outOfRange = () => new SkiffError("invalid_argument", `uids and gids must be in range 0-${ID_MAX}`);

/** The number a string of digits names; undefined for a name. A leading minus is digits out of range. */
function numberOf(text: string): number | undefined {
  if (!/^-?[0-9]+$/.test(text)) return undefined;
  const id = parseId(text);
  if (id === undefined) throw outOfRange();
  return id;
}

function findUser(users: readonly PasswdEntry[], asked: string): PasswdEntry {
  const number = asked === "" ? 0 : numberOf(asked);
  const found = users.find((user) => (number === undefined ? user.name === asked : user.uid === number));
  if (found !== undefined) return found;
  if (number !== undefined) return { name: "", uid: number, gid: 0, home: "/" };
  throw new SkiffError(
    "invalid_argument",
    `unable to find user ${asked}: no matching entries in passwd file`,
  );
}

function findGroup(groups: readonly GroupEntry[], asked: string): number {
  const number = numberOf(asked);
  const found = groups.find((group) => (number === undefined ? group.name === asked : group.gid === number));
  if (found !== undefined) return found.gid;
  if (number !== undefined) return number;
  throw new SkiffError(
    "invalid_argument",
    `unable to find group ${asked}: no matching entries in group file`,
  );
}

export interface UserFiles {
  /** Text of the image's /etc/passwd and /etc/group; "" when there is none. */
  readonly passwd: string;
  readonly group: string;
}

/**
 * `user`, `user:group`, `uid:gid` or "" (root). Without a group given, the groups that list the user's name are supplementary ones
 * (CVE-2022-36109: they must not be missing); `--group-add` comes behind them.
 * @throws invalid_argument in Docker's words.
 */
export function resolveUser(asked: string, files: UserFiles, groupAdd: readonly string[]): ResolvedUser {
  const colon = asked.indexOf(":");
  const userPart = colon < 0 ? asked : asked.slice(0, colon);
  const groupPart = colon < 0 ? "" : asked.slice(colon + 1);
  const user = findUser(parsePasswd(files.passwd), userPart);
  const groups = parseGroup(files.group);
  const gid = groupPart === "" ? user.gid : findGroup(groups, groupPart);
  const listed =
    groupPart === "" && user.name !== ""
      ? groups.filter((group) => group.members.includes(user.name)).map((group) => group.gid)
      : [];
  const added = groupAdd.map((group) => findGroup(groups, group));
  return {
    uid: user.uid,
    gid,
    additionalGids: [...new Set([gid, ...listed, ...added])],
    home: user.home,
  };
}
