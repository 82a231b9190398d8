/** `/containers/{id}/archive`, `/export`, `/changes`: a container's files. */
import { SkiffError } from "../../../lib/errors.ts";
import type { BodyWriter } from "../../../wire/http1/api.ts";
import type { Files } from "../../containers/main.ts";
import { encodePathStat, type PathStat } from "../../containers/tree/stat.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

const STAT_HEADER = "X-Docker-Container-Path-Stat";
const TAR = "application/x-tar";

type Handle = (files: Files, context: RouteContext, id: string) => Promise<void>;

function pathOf(context: RouteContext): string {
  const path = context.query("path");
  if (path === "") throw new SkiffError("invalid_argument", "bad parameter: 'path' cannot be empty");
  return path;
}

const stat: Handle = async (files, context, id) => {
  context.response.header(STAT_HEADER, encodePathStat(await files.stat(id, pathOf(context))));
  context.response.send(200);
};

const get: Handle = (files, context, id) =>
  files.read(id, pathOf(context), (found: PathStat) => {
    context.response.header(STAT_HEADER, encodePathStat(found));
    const writer = context.response.stream(200, TAR);
    return (bytes) => writer.write(bytes);
  });

const put: Handle = async (files, context, id) => {
  const options = {
    keepKinds: context.flag("noOverwriteDirNonDir"),
    copyUidGid: context.flag("copyUIDGID"),
  };
  await files.write(id, pathOf(context), context.request.body, options);
  context.response.send(200);
};

const exportTree: Handle = (files, context, id) =>
  files.export(id, () => {
    const writer: BodyWriter = context.response.stream(200, TAR);
    return (bytes) => writer.write(bytes);
  });

const changes: Handle = async (files, context, id) => context.json(200, await files.changes(id));

export function archiveRoutes(files: Files): Route[] {
  const route = (method: Route["method"], verb: string, handle: Handle): Route => ({
    method,
    pattern: `/containers/{id}/${verb}`,
    handle: (context) => handle(files, context, context.params["id"]!),
  });
  return [
    route("HEAD", "archive", stat),
    route("GET", "archive", get),
    route("PUT", "archive", put),
    route("GET", "export", exportTree),
    route("GET", "changes", changes),
  ];
}
