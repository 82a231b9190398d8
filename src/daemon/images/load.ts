/** `docker load`: containerd imports the archive; names are then made what Docker would have made them. */
import { fromBinary } from "@bufbuild/protobuf";
import { packAny } from "../../contracts/containerd/any.ts";
import {
  DataSchema,
  ImageImportStreamSchema,
  WindowUpdateSchema,
} from "../../contracts/containerd/gen/transfer_pb.ts";
import { codeOf, messageOf, SkiffError } from "../../lib/errors.ts";
import { canonicalString, familiarString, withDefaultTag } from "../../lib/reference.ts";
import { keepDangling } from "./dangling.ts";
import { publishImage } from "./image-events.ts";
import type { LineSink } from "./lines.ts";
import { DANGLING_PREFIX, danglingName, isDangling, tryParseReference } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import type { Platform } from "./platform.ts";
import { isAny, openSideStream, type SideStream } from "./side-stream.ts";
import { deleteImage, getImage, listImages, putImage, type StoredImage } from "./store.ts";
import { imageStoreAny, platformMessage, transfer } from "./transfer.ts";

export interface LoadOptions {
  readonly body: AsyncIterable<Uint8Array>;
  readonly platform: Platform | undefined;
  readonly signal: AbortSignal;
}

/** Sends what the receiver has opened its window for. A broken body ends the stream, and so the import fails. */
async function feed(stream: SideStream, body: AsyncIterable<Uint8Array>): Promise<void> {
  let window = 0;
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length; ) {
      while (window <= 0) {
        const any = await stream.receive();
        if (any === undefined) return;
        if (isAny(any, WindowUpdateSchema)) window += fromBinary(WindowUpdateSchema, any.value).update;
      }
      const data = bytes.subarray(at, at + Math.min(window, PIECE_BYTES));
      stream.send(DataSchema, { data });
      window -= data.length;
      at += data.length;
    }
  }
  stream.end();
}

const PIECE_BYTES = 256 * 1024;

/** Names the archive gave or, failing that, the digest gave. */
async function importArchive(
  parts: ImageParts,
  { body, platform, signal }: LoadOptions,
): Promise<readonly string[]> {
  const stream = await openSideStream(parts, "import");
  const saved: string[] = [];
  const fed = feed(stream, body);
  fed.catch(() => stream.close());
  try {
    const source = packAny(ImageImportStreamSchema, { stream: stream.id });
    const destination = imageStoreAny({
      platforms: platform === undefined ? [] : [platformMessage(platform)],
      extraReferences: [
        {
          name: DANGLING_PREFIX,
          isPrefix: true,
          allowOverwrite: true,
          addDigest: true,
          skipNamedDigest: true,
        },
      ],
    });
    await transfer(
      parts,
      source,
      destination,
      ({ event, name }) => {
        if (event === "saved") saved.push(name);
      },
      { signal },
    );
    return saved;
  } catch (error) {
    if (codeOf(error) === "canceled") throw error;
    throw new SkiffError("unknown", messageOf(error), { cause: error });
  } finally {
    stream.close();
  }
}

/** A name that is not canonical (`loaded/oci:1`, as OCI archives have it) is replaced by the one that is; one that is no name at all goes. */
async function normalize(parts: ImageParts, image: StoredImage): Promise<StoredImage> {
  if (isDangling(image)) return image;
  const reference = image.name.startsWith(`${DANGLING_PREFIX}:`) ? undefined : tryParseReference(image.name);
  const name =
    reference === undefined ? danglingName(image.target.digest) : canonicalString(withDefaultTag(reference));
  if (name === image.name) return image;
  const old = await getImage(parts, name);
  await putImage(parts, name, image.target, image.labels);
  if (old !== undefined && old.target.digest !== image.target.digest) await keepDangling(parts, old);
  await deleteImage(parts, image.name);
  return { ...image, name };
}

function shown(image: StoredImage): { readonly message: string; readonly name: string } {
  if (isDangling(image)) return { message: "Loaded image ID", name: image.target.digest };
  const reference = tryParseReference(image.name);
  return {
    message: "Loaded image",
    name: reference === undefined ? image.name : familiarString(withDefaultTag(reference)),
  };
}

/** Another platform's image needs no unpacking here. */
async function unpackLoaded(
  parts: ImageParts,
  image: StoredImage,
  platform: Platform | undefined,
): Promise<void> {
  const found = await parts.manifests.best(image.target, parts.platform, platform ?? parts.platform);
  if (found !== undefined) await parts.unpack(found);
}

export async function loadImages(parts: ImageParts, options: LoadOptions, sink: LineSink): Promise<void> {
  const before = new Map((await listImages(parts)).map((image) => [image.name, image]));
  for (const name of new Set(await importArchive(parts, options))) {
    const stored = await getImage(parts, name);
    if (stored === undefined) continue;
    const old = before.get(name);
    if (old !== undefined && old.target.digest !== stored.target.digest) await keepDangling(parts, old);
    const image = await normalize(parts, stored);
    if (!isDangling(image)) await deleteImage(parts, danglingName(image.target.digest));
    const { message, name: known } = shown(image);
    let problem = "";
    try {
      await unpackLoaded(parts, image, options.platform);
    } catch (error) {
      problem = `Error unpacking image ${known}: ${messageOf(error)}\n`;
    }
    sink.line({ stream: `${message}: ${known}\n` });
    if (problem !== "") sink.line({ stream: problem });
    await publishImage(parts, "load", image.target.digest, image.target.digest);
  }
}
