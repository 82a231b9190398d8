/** `/images/…`, `/commit`. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseFilters } from "../../containers/filters.ts";
import { LIST_FILTERS, PRUNE_FILTERS } from "../../images/filters.ts";
import { imageHistory } from "../../images/history.ts";
import { inspectImage } from "../../images/inspect.ts";
import { listSummaries } from "../../images/list.ts";
import type { OpenedImages } from "../../images/open.ts";
import type { ImageParts } from "../../images/parts.ts";
import { pruneImages } from "../../images/prune.ts";
import { removeImage } from "../../images/remove.ts";
import { SEARCH_FILTERS, searchImages } from "../../images/search.ts";
import { tagImage, targetReference } from "../../images/tag.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";
import { commit, create, load, push, save } from "./image-streams.ts";
import { platformParameter } from "./platform-parameter.ts";

type Handle = (parts: ImageParts, context: RouteContext) => Promise<void>;

const list: Handle = async (parts, context) => {
  const filters = parseFilters(context.query("filters"), LIST_FILTERS);
  const options = {
    all: context.flag("all"),
    filters,
    sharedSize: context.flag("shared-size"),
    manifests: context.flag("manifests"),
  };
  context.json(200, await listSummaries(parts, options));
};

const inspect: Handle = async (parts, context) => {
  const platform = platformParameter(context, parts);
  const manifests = context.flag("manifests");
  if (manifests && platform !== "")
    throw new SkiffError(
      "invalid_argument",
      "conflicting options: manifests and platform options cannot both be set",
    );
  context.json(200, await inspectImage(parts, context.params["name"]!, { platform, manifests }));
};

const history: Handle = async (parts, context) =>
  context.json(200, await imageHistory(parts, context.params["name"]!, platformParameter(context, parts)));

const tag: Handle = async (parts, context) => {
  const reference = targetReference(context.query("repo"), context.query("tag"));
  await tagImage(parts, context.params["name"]!, reference);
  context.response.send(201);
};

const remove: Handle = async (parts, context) => {
  const name = context.params["name"]!;
  if (name.trim() === "") throw new SkiffError("invalid_argument", "image name cannot be blank");
  // Better nothing than everything.
  if (context.request.query.has("platforms"))
    throw new SkiffError("unimplemented", "remove image: removing single platforms is not implemented");
  const options = { force: context.flag("force"), noPrune: context.flag("noprune") };
  context.json(200, await removeImage(parts, name, options));
};

const prune: Handle = async (parts, context) =>
  context.json(200, await pruneImages(parts, parseFilters(context.query("filters"), PRUNE_FILTERS)));

const search: Handle = async (parts, context) => {
  const filters = parseFilters(context.query("filters"), SEARCH_FILTERS);
  context.json(200, await searchImages(parts, context.query("term"), context.integer("limit"), filters));
};

export function imageRoutes({ parts }: Pick<OpenedImages, "parts">): Route[] {
  const route = (method: Route["method"], pattern: string, handle: Handle): Route => ({
    method,
    pattern,
    handle: (context) => handle(parts, context),
  });
  return [
    route("GET", "/images/json", list),
    route("GET", "/images/search", search),
    route("GET", "/images/get", save),
    route("POST", "/images/create", create),
    route("POST", "/images/load", load),
    route("POST", "/images/prune", prune),
    route("POST", "/commit", commit),
    route("GET", "/images/{name...}/get", save),
    route("GET", "/images/{name...}/json", inspect),
    route("GET", "/images/{name...}/history", history),
    route("POST", "/images/{name...}/push", push),
    route("POST", "/images/{name...}/tag", tag),
    route("DELETE", "/images/{name...}", remove),
  ];
}
