/** A registry that misbehaves on demand, for tests: blobs and manifests in memory, and a `mischief` that sees each request first. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sha256Of } from "../../../lib/digest.ts";
import { parseReference } from "../../../lib/reference.ts";
import type { Descriptor } from "../../core/content.ts";
import { DOCKER_LAYER_GZIP, OCI_CONFIG, OCI_MANIFEST } from "../transfer/media-types.ts";
import { createRegistryClient, type RegistryClient, type RegistryOptions } from "./client.ts";
import { anonymous } from "./credentials.ts";

/** True: the request is dealt with. */
export type Mischief = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export interface Double extends Disposable {
  /** `127.0.0.1:PORT` */
  readonly name: string;
  /** `GET /v2/…` of each request so far. */
  readonly log: { readonly line: string; readonly headers: IncomingMessage["headers"] }[];
  readonly blobs: Map<string, Buffer>;
  /** By tag and digest. */
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Buffer }>;
  mischief: Mischief;
}

function serveManifest(
  double: Double,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const found = double.manifests.get(key);
  if (found === undefined) {
    response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    return;
  }
  response.writeHead(200, {
    "Content-Type": found.type,
    "Content-Length": found.bytes.length,
    "Docker-Content-Digest": sha256Of(found.bytes),
  });
  response.end(request.method === "HEAD" ? undefined : found.bytes);
}

function serveBlob(double: Double, digest: string, request: IncomingMessage, response: ServerResponse): void {
  const bytes = double.blobs.get(digest);
  if (bytes === undefined) return void response.writeHead(404).end();
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = from === 0 ? {} : { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from === 0 ? 200 : 206, { "Content-Length": bytes.length - from, ...range });
  response.end(request.method === "HEAD" ? undefined : bytes.subarray(from));
}

export async function startDouble(): Promise<Double> {
  let count = 0;
  const server = createServer((request, response) => {
    double.log.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    if (double.mischief(request, response, count++)) return;
    const match = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)$/.exec(request.url ?? "");
    if (match?.[1] === "manifests") serveManifest(double, match[2]!, request, response);
    else if (match?.[1] === "blobs") serveBlob(double, match[2]!, request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const double: Double = {
    name: `127.0.0.1:${port}`,
    ...{ log: [], blobs: new Map(), manifests: new Map(), mischief: () => false },
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
  return double;
}

/** Puts an image of these layers there, tagged; answers its manifest's descriptor. */
export function addImage(
  double: Double,
  tag: string,
  layers: readonly { readonly bytes: Buffer; readonly diffId: string; readonly urls?: readonly string[] }[],
  change: (manifest: Record<string, unknown>) => void = () => {},
): Descriptor {
  const config = Buffer.from(
    JSON.stringify({
      ...{ os: "linux", architecture: "amd64", config: { Cmd: ["sh"] } },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const blob = (bytes: Buffer, mediaType: string, urls?: readonly string[]) => {
    const digest = sha256Of(bytes);
    double.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length, ...(urls === undefined ? {} : { urls }) };
  };
  const manifest: Record<string, unknown> = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: blob(config, OCI_CONFIG),
    layers: layers.map(({ bytes, urls }) => blob(bytes, DOCKER_LAYER_GZIP, urls)),
  };
  change(manifest);
  const bytes = Buffer.from(JSON.stringify(manifest));
  const entry = { type: OCI_MANIFEST, bytes };
  double.manifests.set(tag, entry).set(sha256Of(bytes), entry);
  return { mediaType: OCI_MANIFEST, digest: sha256Of(bytes), size: bytes.length };
}

export function clientOf(name: string, options: Partial<RegistryOptions> = {}): RegistryClient {
  return createRegistryClient({
    ...{ name, reference: parseReference(name), headers: {}, credentials: anonymous },
    ...{ defaultScheme: "", hostDir: "", signal: new AbortController().signal, sleep: async () => {} },
    ...options,
  });
}

export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}
