/** The port `ImageSource`: an image made ready to lie under a container. On the way of every `docker run`: two quick calls when all is there. */
import { SkiffError } from "../../lib/errors.ts";
import { formatTraceparent, type TraceContext } from "../../lib/trace.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import type { ImageForContainer, ImageSource } from "../containers/ports.ts";
import type { PlatformImage } from "./manifests.ts";
import type { ImageParts } from "./parts.ts";
import { formatPlatform, type Platform, parsePlatform } from "./platform.ts";
import { findImage, type StoredImage } from "./store.ts";

/** What is there instead is part of the message when it is one thing. */
async function mismatch(
  parts: ImageParts,
  image: StoredImage,
  reference: string,
  wanted: Platform | undefined,
): Promise<SkiffError> {
  const present = await parts.manifests.present(image.target);
  const asked = wanted === undefined ? "" : ` (${formatPlatform(wanted)})`;
  const [only] = present;
  const message =
    only !== undefined && present.length === 1 && wanted !== undefined
      ? `image with reference ${reference} was found but its platform (${formatPlatform(only.platform)}) does not match the specified platform${asked}`
      : `image with reference ${reference} was found but does not provide ${wanted === undefined ? "any platform" : `the specified platform${asked}`}`;
  return new SkiffError("not_found", message);
}

/** @throws not_found when the image has nothing for that platform here */
export async function platformOf(
  parts: ImageParts,
  image: StoredImage,
  reference: string,
  platform: string,
  options?: CallOptions,
): Promise<PlatformImage> {
  const wanted = parsePlatform(platform, parts.platform);
  const found = await parts.manifests.best(image.target, parts.platform, wanted, options);
  if (found === undefined) throw await mismatch(parts, image, reference, wanted);
  return found;
}

export function createImageSource(parts: ImageParts): ImageSource {
  const prepare = async (
    reference: string,
    platform: string,
    trace: TraceContext | undefined,
  ): Promise<ImageForContainer> => {
    const options = trace === undefined ? {} : { metadata: { traceparent: formatTraceparent(trace) } };
    const image = await findImage(parts, reference, options);
    const found = await platformOf(parts, image, reference, platform, options);
    await parts.unpack(found, options);
    const { mediaType, digest, size } = found.manifest;
    return {
      image: {
        id: image.target.digest,
        reference,
        platform: formatPlatform(found.platform),
        chainId: found.chains.at(-1) ?? "",
        manifest: { mediaType, digest, size },
      },
      config: found.configuration.config,
    };
  };
  return {
    forContainer: (reference, platform, trace) =>
      parts.tracer.span(trace, "find image", (context) => prepare(reference, platform, context)),
  };
}
