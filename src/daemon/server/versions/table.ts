/**
 * What changed between versions of the API, newest boundary first: https://docs.docker.com/reference/api/engine/version-history/.
 * A transformer runs for clients older than `before`. No handler asks for the version itself.
 */
import type { ApiVersion } from "../../../contracts/engine/versions.ts";

type Json = Record<string, unknown>;

export interface Transformer {
  readonly before: ApiVersion;
  /** `GET /images/json` */
  readonly routes: readonly string[];
  readonly response?: (body: unknown) => unknown;
  readonly request?: (body: Json) => Json;
}

function without(body: Json, ...names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

/** Each element of a list, or the object itself. */
function each(change: (body: Json) => Json): (body: unknown) => unknown {
  return (body) => (Array.isArray(body) ? body.map((item) => change(item as Json)) : change(body as Json));
}

/** What an image without a name was called. */
function orNone(names: unknown, none: string): unknown {
  return Array.isArray(names) && names.length === 0 ? [none] : names;
}

const IMAGE_LIST = "GET /images/json";
const IMAGE_INSPECT = "GET /images/{name...}/json";
const NETWORKS = ["GET /networks", "GET /networks/{id}"];

export const TRANSFORMERS: readonly Transformer[] = [
  {
    before: [1, 50],
    routes: [IMAGE_INSPECT],
    response: each((image) => ({
      ...image,
      Config: {
        ...{ Hostname: "", Domainname: "", User: "", AttachStdin: false, AttachStdout: false },
        ...{ AttachStderr: false, Tty: false, OpenStdin: false, StdinOnce: false, Env: null, Cmd: null },
        ...{ Image: "", Volumes: null, WorkingDir: "", Entrypoint: null, OnBuild: null, Labels: null },
        ...(image["Config"] as Json | null),
      },
    })),
  },
  { before: [1, 49], routes: ["GET /info"], response: each((info) => without(info, "FirewallBackend")) },
  {
    before: [1, 48],
    routes: [IMAGE_LIST, IMAGE_INSPECT],
    response: each((image) => without(image, "Descriptor")),
  },
  { before: [1, 48], routes: NETWORKS, response: each((network) => without(network, "EnableIPv4")) },
  {
    before: [1, 48],
    routes: ["GET /containers/json", "GET /containers/{id}/json"],
    response: each((container) => without(container, "ImageManifestDescriptor")),
  },
  { before: [1, 46], routes: ["GET /info"], response: each((info) => without(info, "Containerd")) },
  {
    before: [1, 45],
    routes: [IMAGE_INSPECT],
    response: each((image) => ({ Container: "", ContainerConfig: null, ...image })),
  },
  {
    before: [1, 44],
    routes: [IMAGE_LIST, IMAGE_INSPECT],
    response: each((image) => ({ ...image, VirtualSize: image["Size"] })),
  },
  {
    before: [1, 44],
    routes: [IMAGE_INSPECT],
    response: each((image) => ({ ...image, Created: image["Created"] ?? "0001-01-01T00:00:00Z" })),
  },
  {
    before: [1, 43],
    routes: [IMAGE_LIST],
    response: each((image) => ({
      ...image,
      RepoTags: orNone(image["RepoTags"], "<none>:<none>"),
      RepoDigests: orNone(image["RepoDigests"], "<none>@<none>"),
    })),
  },
  {
    before: [1, 42],
    routes: ["GET /containers/{id}/json", "POST /containers/create"],
    response: each((container) => container),
    // The path in the container was once BindOptions-less: a missing bind source was made for both ways to write it.
    request: (body) => without(body, "KernelMemory"),
  },
];
