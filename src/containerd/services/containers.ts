import {
  type Container,
  Containers,
  type ListContainersRequest,
} from "../../contracts/containerd/gen/containers_pb.ts";
import {
  ContainerCreateSchema,
  ContainerDeleteSchema,
  ContainerUpdateSchema,
} from "../../contracts/containerd/gen/events_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { CallContext } from "../../wire/h2/api.ts";
import { implement } from "../../wire/h2/server.ts";
import { namespaceOf } from "../core/context.ts";
import type { EventBus } from "../core/events.ts";
import { mapField, parseFilters } from "../core/filters.ts";
import type { ContainerStore } from "../metadata/containers.ts";

const MUTABLE = ["labels", "spec", "extensions", "image", "snapshotkey"] as const;

function required(container: Container | undefined): Container {
  if (container === undefined) throw new SkiffError("invalid_argument", "container: required");
  return container;
}

function immutable(what: string): SkiffError {
  return new SkiffError("invalid_argument", `container.${what} field is immutable`);
}

/** `before` with the fields of `given` that the mask names; without a mask all that may change. */
function merge(before: Container, given: Container, mask: readonly string[]): Container {
  if (mask.length === 0) {
    if (given.snapshotter !== before.snapshotter) throw immutable("Snapshotter");
    if (given.runtime !== undefined && given.runtime.name !== before.runtime?.name)
      throw immutable("Runtime.Name");
  }
  const after = { ...before, labels: { ...before.labels }, extensions: { ...before.extensions } };
  for (const path of mask.length === 0 ? MUTABLE : mask) {
    const dot = path.indexOf(".");
    const key = path.slice(dot + 1);
    if (path.startsWith("labels.")) {
      if ((given.labels[key] ?? "") === "") delete after.labels[key];
      else after.labels[key] = given.labels[key]!;
    } else if (path.startsWith("extensions.")) {
      if (given.extensions[key] === undefined) delete after.extensions[key];
      else after.extensions[key] = given.extensions[key];
    } else if (path === "labels") after.labels = given.labels;
    else if (path === "extensions") after.extensions = given.extensions;
    else if (path === "spec") after.spec = given.spec;
    else if (path === "image") after.image = given.image;
    else if (path === "snapshotkey") after.snapshotKey = given.snapshotKey;
    else
      throw new SkiffError(
        "invalid_argument",
        `cannot update ${JSON.stringify(path)} field on "${before.id}"`,
      );
  }
  return after;
}

export function containersService(store: ContainerStore, events: EventBus) {
  const list = (request: ListContainersRequest, context: CallContext): Container[] => {
    const filter = parseFilters(request.filters);
    return store.list(namespaceOf(context)).filter((container) =>
      filter(([field, ...rest]) => {
        if (field === "id") return container.id;
        if (field === "image") return container.image;
        if (field === "runtime" && rest[0] === "name") return container.runtime?.name;
        if (field === "labels") return mapField(container.labels, rest);
        return undefined;
      }),
    );
  };
  return implement(Containers, {
    list: (request, context) => ({ containers: list(request, context) }),
    async *listStream(request, context) {
      for (const container of list(request, context)) yield { container };
    },
    get: (request, context) => ({ container: store.get(namespaceOf(context), request.id) }),
    create(request, context) {
      const namespace = namespaceOf(context);
      const container = store.create(namespace, required(request.container));
      const { id, image, runtime } = container;
      const { name, options } = runtime!;
      events.publish(namespace, "/containers/create", ContainerCreateSchema, {
        id,
        image,
        runtime: { name, options },
      });
      return { container };
    },
    update(request, context) {
      const namespace = namespaceOf(context);
      const given = required(request.container);
      const mask = request.updateMask?.paths ?? [];
      const container = store.update(namespace, given.id, (before) => merge(before, given, mask));
      const { id, image, labels, snapshotKey } = container;
      events.publish(namespace, "/containers/update", ContainerUpdateSchema, {
        id,
        image,
        labels,
        snapshotKey,
      });
      return { container };
    },
    delete(request, context) {
      const namespace = namespaceOf(context);
      store.delete(namespace, request.id);
      events.publish(namespace, "/containers/delete", ContainerDeleteSchema, { id: request.id });
      return {};
    },
  });
}
