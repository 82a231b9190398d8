/** `/images/…` and `/commit`. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseReference, withDefaultTag } from "../../../lib/reference.ts";
import { parseFilters } from "../../containers/filters.ts";
import { parseCredentials } from "../../images/credentials.ts";
import { LIST_FILTERS } from "../../images/filters.ts";
import { imageHistory } from "../../images/history.ts";
import { inspectImage } from "../../images/inspect.ts";
import { listSummaries } from "../../images/list.ts";
import { loadImages } from "../../images/load.ts";
import type { OpenedImages } from "../../images/open.ts";
import type { ImageParts } from "../../images/parts.ts";
import { type Platform, parsePlatform } from "../../images/platform.ts";
import { pullImage } from "../../images/pull.ts";
import { tagImage, targetReference } from "../../images/tag.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";
import { withLines } from "./lines.ts";

/** As JSON (`{"os":"linux","architecture":"arm64"}`), since API 1.48. */
export function jsonPlatform(text: string, parts: ImageParts): Platform | undefined {
  if (text === "") return undefined;
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new SkiffError("invalid_argument", "failed to parse platform: invalid JSON");
  }
  const word = (name: string) => (typeof json?.[name] === "string" ? (json[name] as string) : "");
  if (word("os") === "" && word("architecture") === "")
    throw new SkiffError("invalid_argument", "failed to parse platform: missing os and architecture");
  const words = [word("os"), word("architecture"), word("variant")].filter((part) => part !== "");
  return parsePlatform(words.join("/"), parts.platform);
}

function platformText(platform: Platform | undefined): string {
  if (platform === undefined) return "";
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== "").join("/");
}

async function create(parts: ImageParts, context: RouteContext): Promise<void> {
  const image = context.query("fromImage");
  const tag = context.query("tag");
  if (image === "") throw new SkiffError("unimplemented", "import is not implemented");
  // A digest is sent as a tag, too.
  const named = parseReference(image);
  const text = tag === "" ? image : `${image}${tag.includes(":") ? "@" : ":"}${tag}`;
  const reference = tag === "" ? withDefaultTag(named) : parseReference(text);
  const platform = parsePlatform(context.query("platform"), parts.platform);
  const credentials = parseCredentials(context.request.headers.get("x-registry-auth"));
  const { signal } = context.request;
  await withLines(context, (sink) =>
    pullImage(parts, { reference, platform, credentials, signal, trace: context.trace }, sink),
  );
}

async function load(parts: ImageParts, context: RouteContext): Promise<void> {
  const platform = jsonPlatform(context.query("platform"), parts);
  const { body, signal } = context.request;
  await withLines(context, (sink) => loadImages(parts, { body, platform, signal }, sink));
}

export function imageRoutes({ parts }: OpenedImages): Route[] {
  return [
    {
      method: "GET",
      pattern: "/images/json",
      handle: async (context) => {
        const filters = parseFilters(context.query("filters"), LIST_FILTERS);
        const options = {
          all: context.flag("all"),
          filters,
          sharedSize: context.flag("shared-size"),
          manifests: context.flag("manifests"),
        };
        context.json(200, await listSummaries(parts, options));
      },
    },
    { method: "POST", pattern: "/images/create", handle: (context) => create(parts, context) },
    { method: "POST", pattern: "/images/load", handle: (context) => load(parts, context) },
    {
      method: "GET",
      pattern: "/images/{name...}/json",
      handle: async (context) => {
        const platform = platformText(jsonPlatform(context.query("platform"), parts));
        const manifests = context.flag("manifests");
        context.json(200, await inspectImage(parts, context.params["name"]!, { platform, manifests }));
      },
    },
    {
      method: "GET",
      pattern: "/images/{name...}/history",
      handle: async (context) => {
        const platform = platformText(jsonPlatform(context.query("platform"), parts));
        context.json(200, await imageHistory(parts, context.params["name"]!, platform));
      },
    },
    {
      method: "POST",
      pattern: "/images/{name...}/tag",
      handle: async (context) => {
        const reference = targetReference(context.query("repo"), context.query("tag"));
        await tagImage(parts, context.params["name"]!, reference);
        context.response.send(201);
      },
    },
  ];
}
