/**
 * Names of images as people write them (`busybox`) and as the stores keep them (`docker.io/library/busybox:latest`).
 *
 * The grammar, the defaults and the words of errors are those of github.com/distribution/reference v0.6, which docker's command line and daemon
 * use. The patterns have no two ways to match one text, so that a hostile name costs linear time.
 */
import { parseDigest } from "./digest.ts";
import { SkiffError } from "./errors.ts";

export interface Reference {
  /** `docker.io`, `localhost:5000` */
  readonly domain: string;
  /** `library/busybox` */
  readonly path: string;
  /** "" for none. */
  readonly tag: string;
  /** "" for none. */
  readonly digest: string;
}

export const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL = "library/";
const DEFAULT_TAG = "latest";
const PATH_LENGTH_MAX = 255;
/** No name that passes is longer: a domain of 255, a path of 255, a tag and a digest. */
const LENGTH_MAX = 1024;

const LABEL = "[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*";
const DOMAIN = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = `${COMPONENT}(?:/${COMPONENT})*`;
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const WHOLE = new RegExp(`^(?:(${DOMAIN})/)?(${PATH})(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const TAG_ALONE = new RegExp(`^${TAG}$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;

const invalid = (message: string) => new SkiffError("invalid_argument", message);

/** A first part without `.` or `:` that is not `localhost` is no host but a user of Docker Hub. */
function splitDomain(name: string): readonly [domain: string, rest: string] {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
  const [domain, rest] = slash >= 0 && isHost ? [first, name.slice(slash + 1)] : [DEFAULT_DOMAIN, name];
  const canonical = domain === LEGACY_DOMAIN ? DEFAULT_DOMAIN : domain;
  if (canonical === DEFAULT_DOMAIN && !rest.includes("/")) return [canonical, OFFICIAL + rest];
  return [canonical, rest];
}

/**
 * Reads a familiar or canonical name; neither tag nor digest is made up.
 * @throws invalid_argument
 */
export function parseReference(text: string): Reference {
  if (text.length > LENGTH_MAX) throw invalid("invalid reference format");
  if (IDENTIFIER.test(text))
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const [domain, rest] = splitDomain(text);
  const remote = rest.split(":", 1)[0]!;
  if (remote.toLowerCase() !== remote)
    throw invalid(`invalid reference format: repository name (${remote}) must be lowercase`);
  const match = WHOLE.exec(`${domain}/${rest}`);
  if (match === null) throw invalid("invalid reference format");
  const [, host = "", path = "", tag = "", digest = ""] = match;
  if (path.length > PATH_LENGTH_MAX)
    throw invalid(`repository name must not be more than ${PATH_LENGTH_MAX} characters`);
  if (digest !== "") parseDigest(digest);
  return Object.freeze({ domain: host, path, tag, digest });
}

/** `latest`, when there is neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== "" || reference.digest !== "") return reference;
  return Object.freeze({ ...reference, tag: DEFAULT_TAG });
}

/** @throws invalid_argument for what is no tag */
export function withTag(reference: Reference, tag: string): Reference {
  if (!TAG_ALONE.test(tag)) throw invalid("invalid tag format");
  return Object.freeze({ ...reference, tag });
}

/** `docker.io/library/busybox` */
export function repositoryOf({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** `busybox` */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const short = path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : path;
  return short.includes("/") ? path : short;
}

function suffix({ tag, digest }: Reference): string {
  return (tag === "" ? "" : `:${tag}`) + (digest === "" ? "" : `@${digest}`);
}

/** `docker.io/library/busybox:latest` */
export function canonicalString(reference: Reference): string {
  return repositoryOf(reference) + suffix(reference);
}

/** `busybox:latest` */
export function familiarString(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}
