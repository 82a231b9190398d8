/**
 * A client of the distribution specification for one reference: resolve, fetch, push.
 *
 * It knows the hosts of the reference's registry and one authorizer for each. Foreign URLs of a descriptor are asked first, as containerd does, but as
 * a stranger: no credentials, no headers of the client's (CVE-2020-15157).
 */
import { codeOf, messageOf, SkiffError } from "../../../lib/errors.ts";
import type { Reference } from "../../../lib/reference.ts";
import type { Descriptor } from "../../core/content.ts";
import { isIndexType, isManifestType } from "../transfer/media-types.ts";
import { Authorizer } from "./authorizer.ts";
import { blobBytes } from "./blob.ts";
import { discard } from "./body.ts";
import type { CredentialSource } from "./credentials.ts";
import { type HostSettings, hostsOf, isLoopback, type RegistryHost } from "./hosts.ts";
import { exchange, type Peer } from "./http.ts";
import { resolveAt } from "./resolve.ts";
import { statusError } from "./status-error.ts";
import { type BlobUpload, type UploadTarget, uploadBlob } from "./upload.ts";

export interface RegistryOptions extends HostSettings {
  readonly reference: Reference;
  /** As the client wrote it, for messages. */
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: CredentialSource;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface RegistryClient {
  /** @throws not_found, unauthenticated, unavailable */
  resolve(): Promise<Descriptor>;
  /** Bytes from `offset` on, not yet verified. */
  fetch(descriptor: Descriptor, offset: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  pushBlob(upload: BlobUpload): Promise<"exists" | "mounted" | "sent">;
  /** Under its digest, and under the reference's tag when it is the `root`. */
  pushManifest(descriptor: Descriptor, bytes: Uint8Array, root: boolean): Promise<"exists" | "sent">;
}

const stranger = (url: URL, sleep: (ms: number) => Promise<void>): Peer => ({
  host: {
    ...{ scheme: url.protocol.replace(":", ""), host: url.host, path: "", namespace: "" },
    ...{ canResolve: false, canPush: false, tls: undefined },
  },
  authorizer: undefined,
  headers: {},
  sleep,
});

/** The error that got furthest: a clear answer beats a dead mirror. */
async function firstOf<T>(peers: readonly Peer[], attempt: (peer: Peer) => Promise<T>): Promise<T> {
  let told: unknown;
  for (const peer of peers) {
    try {
      return await attempt(peer);
    } catch (error) {
      if (codeOf(error) === "canceled") throw error;
      if (told === undefined || codeOf(told) === "unavailable") told = error;
    }
  }
  throw told ?? new SkiffError("not_found", "no hosts: not found");
}

class Client implements RegistryClient {
  #peers: readonly Peer[];
  #pushPeer: Promise<Peer> | undefined;

  constructor(private readonly options: RegistryOptions) {
    this.#peers = hostsOf(options.reference.domain, options).map((host) => this.#peerOf(host));
  }

  async resolve(): Promise<Descriptor> {
    const { reference, name } = this.options;
    const what = reference.digest || reference.tag;
    if (what === "") throw new SkiffError("invalid_argument", `${name}: object required`);
    try {
      return await this.#resolve(what);
    } catch (error) {
      if (!/: 400 /.test(messageOf(error)) || !this.#turnToTls()) throw error;
      return this.#resolve(what);
    }
  }

  async #resolve(what: string): Promise<Descriptor> {
    const { reference, name, signal } = this.options;
    const peers = this.#peers.filter(({ host }) => reference.digest !== "" || host.canResolve);
    return firstOf(peers, (peer) => {
      const url = this.#url(peer.host, `manifests/${what}`);
      return resolveAt({ peer, url, reference, name, scopes: this.#pullScopes(), signal });
    });
  }

  async *fetch(
    descriptor: Descriptor,
    offset: number,
    signal: AbortSignal = this.options.signal,
  ): AsyncGenerator<Uint8Array> {
    const { sleep } = this.options;
    const { mediaType, digest, size, urls = [] } = descriptor;
    let at = offset;
    let told: unknown;
    const accept = `${mediaType}, */*`;
    const foreign = urls.filter((text) => URL.canParse(text)).map((text) => new URL(text));
    const kind = isManifestType(mediaType) || isIndexType(mediaType) ? "manifests" : "blobs";
    const sources = [
      ...foreign
        .filter(({ protocol }) => protocol === "http:" || protocol === "https:")
        .map((url) => ({ peer: stranger(url, sleep), url, scopes: [] as string[] })),
      ...this.#peers.map((peer) => ({
        peer,
        url: this.#url(peer.host, `${kind}/${digest}`),
        scopes: this.#pullScopes(),
      })),
    ];
    for (const source of sources) {
      try {
        for await (const piece of blobBytes({ ...source, accept, size, signal }, at)) {
          at += piece.length;
          yield piece;
        }
        return;
      } catch (error) {
        if (codeOf(error) === "canceled") throw error;
        if (told === undefined || codeOf(told) === "unavailable") told = error;
      }
    }
    if (codeOf(told) !== "not_found") throw told;
    const message = `could not fetch content descriptor ${digest} (${mediaType}) from remote: not found`;
    throw new SkiffError("not_found", message, { cause: told });
  }

  async pushBlob(upload: BlobUpload): Promise<"exists" | "mounted" | "sent"> {
    return uploadBlob(await this.#target(upload.mountFrom), upload);
  }

  async pushManifest(descriptor: Descriptor, bytes: Uint8Array, root: boolean): Promise<"exists" | "sent"> {
    const { tag } = this.options.reference;
    const target = await this.#target("");
    const { peer, scopes, signal } = target;
    const object = root && tag !== "" ? tag : descriptor.digest;
    const url = new URL(`manifests/${object}`, target.base);
    const accept = { Accept: `${descriptor.mediaType}, */*` };
    const head = await exchange(peer, { method: "HEAD", url, headers: accept, scopes, signal });
    discard(head.response);
    const there = head.response.headers.get("docker-content-digest");
    if (head.response.ok && (there ?? object) === descriptor.digest) return "exists";
    const headers = { "Content-Type": descriptor.mediaType, "Content-Length": String(bytes.length) };
    const put = { method: "PUT" as const, url, headers, body: () => bytes, scopes, signal };
    const { response } = await exchange(peer, put);
    if (!response.ok) throw await statusError("PUT", url, response);
    discard(response);
    return "sent";
  }

  async #target(mountFrom: string): Promise<UploadTarget> {
    const { reference, signal } = this.options;
    this.#pushPeer ??= this.#findPushPeer();
    const peer = await this.#pushPeer;
    return {
      ...{ peer, signal, base: this.#url(peer.host, "") },
      scopes: [`repository:${reference.path}:pull,push`],
      mountScopes: mountFrom === "" ? [] : [`repository:${mountFrom}:pull`],
    };
  }

  /** The first that answers at all: an insecure registry is configured as HTTPS without verification, then HTTP. */
  async #findPushPeer(): Promise<Peer> {
    const { reference, signal } = this.options;
    const peers = this.#peers.filter(({ host }) => host.canPush);
    if (peers.length === 1 && !this.#isPlainLoopback()) return peers[0]!;
    const scopes = [`repository:${reference.path}:pull,push`];
    return firstOf(peers, async (peer) => {
      const url = new URL(`${peer.host.scheme}://${peer.host.host}${peer.host.path}/`);
      const { response } = await exchange(peer, { method: "GET", url, headers: {}, scopes, signal });
      discard(response);
      return response.status === 400 && this.#turnToTls() ? this.#peers[0]! : peer;
    });
  }

  #peerOf(host: RegistryHost): Peer {
    const { headers, credentials, sleep } = this.options;
    const authorizer = new Authorizer(host.host, host.scheme === "https", host.tls, credentials);
    return { authorizer, host, headers, sleep };
  }

  #isPlainLoopback(): boolean {
    const [first] = this.#peers;
    return this.#peers.length === 1 && first?.host.scheme === "http" && isLoopback(first.host.host);
  }

  /** "Client sent an HTTP request to an HTTPS server": on loopback docker takes any certificate, and so do we. */
  #turnToTls(): boolean {
    if (!this.#isPlainLoopback()) return false;
    const { host } = this.#peers[0]!;
    this.#peers = [this.#peerOf({ ...host, scheme: "https", tls: { rejectUnauthorized: false } })];
    return true;
  }

  #pullScopes(): readonly string[] {
    return [`repository:${this.options.reference.path}:pull`];
  }

  #url({ scheme, host, path, namespace }: RegistryHost, rest: string): URL {
    const url = new URL(`${scheme}://${host}${path}/${this.options.reference.path}/${rest}`);
    if (namespace !== "") url.searchParams.set("ns", namespace);
    return url;
  }
}

export function createRegistryClient(options: RegistryOptions): RegistryClient {
  return new Client(options);
}
