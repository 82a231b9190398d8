/** FROM: an earlier stage, nothing, or an image, which is pulled when it is not here. */
import { codeOf } from "../../lib/errors.ts";
import { parseReference, withDefaultTag } from "../../lib/reference.ts";
import { parseCredentials } from "../images/credentials.ts";
import type { PlatformImage } from "../images/manifests.ts";
import { parsePlatform } from "../images/platform.ts";
import { pullImage } from "../images/pull.ts";
import { platformOf } from "../images/source.ts";
import { findImage, type StoredImage } from "../images/store.ts";
import type { Build } from "./parts.ts";

export interface Base {
  readonly id: string;
  readonly image: PlatformImage | undefined;
}

/** Hub's credentials have this key. */
const HUB = "https://index.docker.io/v1/";

async function pull(build: Build, name: string, platform: string): Promise<void> {
  const { images } = build.parts;
  const reference = withDefaultTag(parseReference(name));
  const key = reference.domain === "docker.io" ? HUB : reference.domain;
  const options = {
    reference,
    platform: parsePlatform(platform, images.platform),
    credentials: parseCredentials(build.request.credentials.get(key)),
    signal: build.signal,
  };
  await pullImage(images, options, { line: (value) => build.line(value) });
}

async function local(build: Build, name: string, platform: string) {
  const { images } = build.parts;
  const stored: StoredImage = await findImage(images, name, build.lease);
  return { stored, image: await platformOf(images, stored, name, platform, build.lease) };
}

/** @throws not_found in the words of pull */
export async function findBase(build: Build, name: string, platform: string): Promise<Base> {
  const wanted = platform === "" ? build.request.platform : platform;
  if (build.request.pull) await pull(build, name, wanted);
  let found: Awaited<ReturnType<typeof local>>;
  try {
    found = await local(build, name, wanted);
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
    await pull(build, name, wanted);
    found = await local(build, name, wanted);
  }
  return { id: found.stored.target.digest, image: found.image };
}
