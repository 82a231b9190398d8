/** `POST /build`: its query and headers, checked before the body is read. */
import { SkiffError } from "../../lib/errors.ts";
import { parseReference, type Reference, withDefaultTag } from "../../lib/reference.ts";

export interface BuildRequest {
  readonly tags: readonly Reference[];
  /** Path in the context; "" is `Dockerfile`. */
  readonly dockerfile: string;
  readonly given: ReadonlyMap<string, string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly target: string;
  readonly platform: string;
  readonly useCache: boolean;
  readonly pull: boolean;
  readonly remove: boolean;
  readonly forceRemove: boolean;
  readonly quiet: boolean;
  /** HostConfig of the containers of RUN. */
  readonly host: Readonly<Record<string, unknown>>;
  /** `X-Registry-Config`: base64 of `X-Registry-Auth` by host. */
  readonly credentials: ReadonlyMap<string, string>;
}

export interface Query {
  query(name: string): string;
  flag(name: string): boolean;
  integer(name: string): number | undefined;
  all(name: string): readonly string[];
  has(name: string): boolean;
}

const invalid = (why: string) => new SkiffError("invalid_argument", why);
const JSON_CHARS_MAX = 1024 * 1024;

function object(text: string, what: string): Record<string, unknown> {
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text.slice(0, JSON_CHARS_MAX));
  } catch (error) {
    throw invalid(`error reading ${what}: ${(error as Error).message}`);
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value))
    throw invalid(`error reading ${what}: not an object`);
  return value as Record<string, unknown>;
}

function texts(text: string, what: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(object(text, what))) {
    if (value === null) continue;
    if (typeof value !== "string") throw invalid(`error reading ${what}: ${name} is not a string`);
    found.set(name, value);
  }
  return found;
}

function ulimits(text: string): unknown {
  if (text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("error reading ulimit settings");
  }
  if (!Array.isArray(value)) throw invalid("error reading ulimit settings");
  return value;
}

function hostConfig(query: Query): Record<string, unknown> {
  const network = query.query("networkmode");
  const fields = {
    NetworkMode: network === "" ? "default" : network,
    ShmSize: query.integer("shmsize"),
    Memory: query.integer("memory"),
    MemorySwap: query.integer("memswap"),
    CpuShares: query.integer("cpushares"),
    CpuPeriod: query.integer("cpuperiod"),
    CpuQuota: query.integer("cpuquota"),
    CpusetCpus: query.query("cpusetcpus"),
    CpusetMems: query.query("cpusetmems"),
    CgroupParent: query.query("cgroupparent"),
    Ulimits: ulimits(query.query("ulimits")),
    ExtraHosts: query.all("extrahosts"),
    SecurityOpt: query.all("securityopt"),
  };
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

function credentialsOf(header: string | undefined): Map<string, string> {
  const found = new Map<string, string>();
  if (header === undefined) return found;
  try {
    const json = JSON.parse(Buffer.from(header, "base64url").toString()) as Record<string, unknown>;
    for (const [host, value] of Object.entries(json))
      found.set(host, Buffer.from(JSON.stringify(value)).toString("base64url"));
  } catch {
    // What cannot be read is no credentials, as for dockerd.
  }
  return found;
}

function refuseOthers(query: Query): void {
  if (query.query("version") === "2")
    throw new SkiffError("unimplemented", "building with BuildKit is not implemented by skiffd");
  if (query.query("remote") !== "" && query.query("remote") !== "client-session")
    throw new SkiffError("unimplemented", "build: remote contexts are not implemented by skiffd");
  if (query.flag("squash")) throw invalid("squash is only supported with experimental mode");
  if (query.has("outputs") && !["", "[]", "null"].includes(query.query("outputs")))
    throw new SkiffError("unimplemented", "build: outputs are not implemented by skiffd");
}

/** @throws invalid_argument, unimplemented */
export function parseBuildRequest(query: Query, registryConfig: string | undefined): BuildRequest {
  refuseOthers(query);
  const tags = query
    .all("t")
    .filter((tag) => tag !== "")
    .map((tag) => {
      const reference = parseReference(tag);
      if (reference.digest !== "") throw invalid("build tag cannot contain a digest");
      return withDefaultTag(reference);
    });
  const forceRemove = query.flag("forcerm");
  return {
    tags,
    dockerfile: query.query("dockerfile"),
    given: texts(query.query("buildargs"), "build args"),
    labels: Object.fromEntries(texts(query.query("labels"), "labels")),
    ...{ target: query.query("target"), platform: query.query("platform").toLowerCase() },
    useCache: !query.flag("nocache"),
    pull: query.flag("pull"),
    remove: forceRemove || query.query("rm") === "" || query.flag("rm"),
    forceRemove,
    quiet: query.flag("q"),
    host: hostConfig(query),
    credentials: credentialsOf(registryConfig),
  };
}
