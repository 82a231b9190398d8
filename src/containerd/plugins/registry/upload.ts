/** Sending a blob: nothing when it is there, a mount from a repository beside it, or the bytes in one PUT (distribution-spec, "Pushing Blobs"). */
import { SkiffError } from "../../../lib/errors.ts";
import { discard } from "./body.ts";
import { type Answer, type Exchange, exchange, type Peer } from "./http.ts";
import { statusError } from "./status-error.ts";

export interface BlobUpload {
  readonly digest: string;
  readonly size: number;
  /** The bytes, from the beginning each time. */
  readonly read: () => AsyncIterable<Uint8Array>;
  /** Repository on this registry that has it, "" for none known. */
  readonly mountFrom: string;
  /** Bytes sent so far. */
  readonly onProgress: (bytes: number) => void;
}

export interface UploadTarget {
  readonly peer: Peer;
  /** `…/v2/<repository>/` */
  readonly base: URL;
  readonly scopes: readonly string[];
  readonly mountScopes: readonly string[];
  readonly signal: AbortSignal;
}

function call(
  target: UploadTarget,
  part: Pick<Exchange, "method" | "url"> & Partial<Exchange>,
): Promise<Answer> {
  const { peer, scopes, signal } = target;
  return exchange(peer, { headers: {}, scopes, signal, ...part });
}

/** @throws whatever is neither yes nor no */
export async function hasBlob(target: UploadTarget, digest: string): Promise<boolean> {
  const url = new URL(`blobs/${digest}`, target.base);
  const { response } = await call(target, { method: "HEAD", url });
  discard(response);
  if (response.ok) return true;
  if (response.status === 404) return false;
  throw await statusError("HEAD", url, response);
}

/** Where to PUT; undefined when the registry mounted the blob. A registry behind a TLS proxy may say `http:` of itself. */
async function begin(target: UploadTarget, upload: BlobUpload): Promise<URL | undefined> {
  const url = new URL("blobs/uploads/", target.base);
  const mount = upload.mountFrom !== "";
  if (mount) {
    url.searchParams.set("mount", upload.digest);
    url.searchParams.set("from", upload.mountFrom);
  }
  const scopes = mount ? [...target.scopes, ...target.mountScopes] : target.scopes;
  const { response } = await call(target, { method: "POST", url, scopes, body: () => new Uint8Array(0) });
  if (response.status === 201) {
    discard(response);
    return undefined;
  }
  const location = response.headers.get("location");
  if (response.status !== 202 || location === null) throw await statusError("POST", url, response);
  discard(response);
  const next = new URL(location, url);
  if (next.host === target.base.host) next.protocol = target.base.protocol;
  next.searchParams.set("digest", upload.digest);
  return next;
}

function counted(upload: BlobUpload): ReadableStream<Uint8Array> {
  const source = upload.read()[Symbol.asyncIterator]();
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done === true) return controller.close();
      sent += value.length;
      controller.enqueue(value);
      upload.onProgress(sent);
    },
    async cancel() {
      await source.return?.();
    },
  });
}

/** Resolves to what happened. @throws unauthenticated, permission_denied, unavailable */
export async function uploadBlob(
  target: UploadTarget,
  upload: BlobUpload,
): Promise<"exists" | "mounted" | "sent"> {
  if (await hasBlob(target, upload.digest)) return "exists";
  const url = await begin(target, upload);
  if (url === undefined) return "mounted";
  const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(upload.size) };
  const body = () => (upload.size === 0 ? new Uint8Array(0) : counted(upload));
  const { response } = await call(target, { method: "PUT", url, headers, body });
  if (response.status !== 201 && response.status !== 204) throw await statusError("PUT", url, response);
  const told = response.headers.get("docker-content-digest");
  discard(response);
  if (told !== null && told !== upload.digest)
    throw new SkiffError("data_loss", `push ${upload.digest}: registry stored ${told}`);
  return "sent";
}
