/** Handlers whose answers, or requests, are streams: pull, import, push, load, save; and commit. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseReference, type Reference, withTag } from "../../../lib/reference.ts";
import { commitContainer } from "../../images/commit.ts";
import { parseCredentials } from "../../images/credentials.ts";
import { importImage } from "../../images/import.ts";
import { loadImages } from "../../images/load.ts";
import type { ImageParts } from "../../images/parts.ts";
import { parsePlatform } from "../../images/platform.ts";
import { pullImage } from "../../images/pull.ts";
import { pushImage } from "../../images/push.ts";
import { findSaved, saveImages } from "../../images/save.ts";
import { targetReference } from "../../images/tag.ts";
import { listTags } from "../../images/tags.ts";
import type { RouteContext } from "../context.ts";
import { withLines } from "./lines.ts";
import { platformParameter } from "./platform-parameter.ts";

const credentialsOf = ({ request }: RouteContext) => parseCredentials(request.headers.get("x-registry-auth"));

/** `tag` may be a digest. */
function asked(image: string, tag: string): Reference {
  const named = parseReference(image);
  if (tag === "") return named;
  if (!tag.includes(":")) return withTag({ ...named, digest: "" }, tag);
  return { ...named, tag: "", digest: parseReference(`x@${tag}`).digest };
}

async function pull(parts: ImageParts, context: RouteContext): Promise<void> {
  const reference = asked(context.query("fromImage"), context.query("tag"));
  const platform = parsePlatform(context.query("platform").toLowerCase(), parts.platform);
  const credentials = credentialsOf(context);
  const { signal } = context.request;
  const common = { platform, credentials, signal, trace: context.trace };
  await withLines(context, async (sink) => {
    const all = reference.tag === "" && reference.digest === "";
    const tags = all ? await listTags({ reference, credentials }, parts.registries) : [];
    const references = all ? tags.map((tag) => withTag(reference, tag)) : [reference];
    for (const one of references) await pullImage(parts, { reference: one, ...common }, sink);
  });
}

async function fromArchive(parts: ImageParts, context: RouteContext): Promise<void> {
  const repository = context.query("repo");
  const options = {
    source: context.query("fromSrc"),
    body: context.request.body,
    reference: repository === "" ? undefined : targetReference(repository, context.query("tag")),
    platform: parsePlatform(context.query("platform").toLowerCase(), parts.platform),
    message: context.query("message"),
    changes: context.request.query.getAll("changes"),
    signal: context.request.signal,
  };
  await withLines(context, (sink) => importImage(parts, options, sink));
}

export function create(parts: ImageParts, context: RouteContext): Promise<void> {
  return context.query("fromImage") === "" ? fromArchive(parts, context) : pull(parts, context);
}

export async function push(parts: ImageParts, context: RouteContext): Promise<void> {
  const named = parseReference(context.params["name"]!);
  const tag = context.query("tag");
  const reference = tag === "" ? named : withTag(named, tag);
  if (reference.digest !== "") throw new SkiffError("invalid_argument", "cannot push a digest reference");
  const platform = platformParameter(context, parts);
  const options = {
    reference,
    platform,
    credentials: credentialsOf(context),
    signal: context.request.signal,
  };
  await withLines(context, (sink) => pushImage(parts, options, sink));
}

export async function load(parts: ImageParts, context: RouteContext): Promise<void> {
  const platform = parsePlatform(platformParameter(context, parts), parts.platform);
  const { body, signal } = context.request;
  await withLines(context, (sink) => loadImages(parts, { body, platform, signal }, sink));
}

export async function save(parts: ImageParts, context: RouteContext): Promise<void> {
  const { name } = context.params;
  const names = name === undefined ? context.request.query.getAll("names") : [name];
  const images = await findSaved(parts, names, platformParameter(context, parts));
  const writer = context.response.stream(200, "application/x-tar");
  await saveImages(parts, images, (bytes) => writer.write(bytes));
}

export async function commit(parts: ImageParts, context: RouteContext): Promise<void> {
  const repository = context.query("repo");
  const config = await context.optionalBody();
  const Id = await commitContainer(parts, {
    container: context.query("container"),
    reference: repository === "" ? undefined : targetReference(repository, context.query("tag")),
    comment: context.query("comment"),
    author: context.query("author"),
    pause: context.request.query.has("pause") ? context.flag("pause") : true,
    changes: context.request.query.getAll("changes"),
    config,
  });
  context.json(201, { Id });
}
