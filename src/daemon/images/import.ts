/** `docker import`: a root file system as a tar becomes an image of one layer. */

import { rfc3339Nano } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import { familiarString, type Reference } from "../../lib/reference.ts";
import { writeBlob } from "./blobs.ts";
import { applyChanges } from "./changes.ts";
import { decompress, detect, gzip } from "./compression.ts";
import { publishImage } from "./image-events.ts";
import { withLease } from "./leases.ts";
import { type LineSink, status } from "./lines.ts";
import { danglingName } from "./names.ts";
import { writeImage } from "./new-image.ts";
import type { ImageParts } from "./parts.ts";
import type { Platform } from "./platform.ts";
import { putImage } from "./store.ts";
import { nameTarget } from "./tag.ts";

export interface ImportOptions {
  /** `-`, or a URL that skiffd fetches. */
  readonly source: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly reference: Reference | undefined;
  readonly platform: Platform | undefined;
  readonly message: string;
  readonly changes: readonly string[];
  readonly signal: AbortSignal;
}

async function open(
  { source, body, signal }: ImportOptions,
  sink: LineSink,
): Promise<AsyncIterable<Uint8Array>> {
  if (source === "-") return body;
  const text = source.includes("://") ? source : `http://${source}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SkiffError("invalid_argument", `parse "${source}": invalid URI for request`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new SkiffError("invalid_argument", `Get "${source}": unsupported protocol scheme`);
  sink.line(status(`Downloading from ${url.href}`));
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null)
    throw new SkiffError("unknown", `import ${url.href}: got HTTP status code >= 400: ${response.status}`);
  return response.body;
}

interface ImportedLayer {
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
  readonly mediaType: string;
}

/** However it came, it is kept with gzip. */
async function storeLayer(
  parts: ImageParts,
  source: AsyncIterable<Uint8Array>,
  options: { readonly metadata?: Readonly<Record<string, string>> },
): Promise<ImportedLayer> {
  const { compression, stream } = await detect(source);
  const hash = new Bun.CryptoHasher("sha256");
  const hashed = (async function* () {
    for await (const bytes of decompress(compression, stream)) {
      hash.update(bytes);
      yield bytes;
    }
  })();
  const ref = `skiffd-import-${parts.ids.hex(12)}`;
  const blob = await writeBlob(parts.clients, { ref, labels: {} }, gzip(hashed), options);
  const diffId = `sha256:${hash.digest("hex")}`;
  return { ...blob, diffId, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" };
}

export async function importImage(parts: ImageParts, options: ImportOptions, sink: LineSink): Promise<void> {
  const { reference, message, changes } = options;
  const platform = options.platform ?? parts.platform;
  const config = applyChanges({}, changes);
  const created = rfc3339Nano(parts.clock.nowNs());
  const comment = message === "" ? `Imported from ${options.source}` : message;
  const source = await open(options, sink);
  const digest = await withLease(parts, [], async (lease) => {
    const { diffId, ...layer } = await storeLayer(parts, source, lease);
    const history = [{ created, comment, createdBy: "", author: "", emptyLayer: false }];
    const image = { platform, created, author: "", config, layers: [layer], diffIds: [diffId], history };
    const target = await writeImage(parts, image, lease);
    if (reference === undefined) await putImage(parts, danglingName(target.digest), target);
    else await nameTarget(parts, reference, target, {});
    const made = await parts.manifests.load(target);
    if (made !== undefined && platform.os === parts.platform.os) await parts.unpack(made);
    return target.digest;
  });
  sink.line(status(digest));
  await publishImage(parts, "import", digest, reference === undefined ? digest : familiarString(reference));
}
