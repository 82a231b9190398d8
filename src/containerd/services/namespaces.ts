import {
  NamespaceCreateSchema,
  NamespaceDeleteSchema,
  NamespaceUpdateSchema,
} from "../../contracts/containerd/gen/events_pb.ts";
import { type Namespace as Message, Namespaces } from "../../contracts/containerd/gen/namespaces_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import type { EventBus } from "../core/events.ts";
import { mapField, parseFilters } from "../core/filters.ts";
import { checkIdentifier } from "../core/identifiers.ts";
import type { Namespace, NamespaceStore } from "../metadata/namespaces.ts";

function required(message: Message | undefined): Message {
  if (message === undefined) throw new SkiffError("invalid_argument", "namespace: required");
  checkIdentifier(message.name, "namespace");
  return message;
}

/** New labels by the mask's paths: `labels` replaces all, `labels.<key>` one; without a mask each given label is set. */
function updatedLabels(before: Namespace, given: Message, paths: readonly string[]): Record<string, string> {
  if (paths.length === 0) return { ...before.labels, ...given.labels };
  let labels = { ...before.labels };
  for (const path of paths) {
    if (path === "labels") labels = { ...given.labels };
    else if (path.startsWith("labels.")) setLabel(labels, path.slice("labels.".length), given.labels);
    else throw new SkiffError("invalid_argument", `cannot update ${JSON.stringify(path)} field`);
  }
  return labels;
}

/** An empty or missing value removes the label. */
function setLabel(
  labels: Record<string, string>,
  key: string,
  given: Readonly<Record<string, string>>,
): void {
  const value = mapField(given, [key]) ?? "";
  if (value === "") delete labels[key];
  else labels[key] = value;
}

export function namespacesService(store: NamespaceStore, events: EventBus) {
  return implement(Namespaces, {
    list(request) {
      const filter = parseFilters([request.filter]);
      const namespaces = store
        .list()
        .filter(({ name, labels }) =>
          filter(([field, ...rest]) =>
            field === "name" ? name : field === "labels" ? mapField(labels, rest) : undefined,
          ),
        );
      return { namespaces: namespaces.map(({ name, labels }) => ({ name, labels: { ...labels } })) };
    },
    get(request) {
      const { name, labels } = store.get(request.name);
      return { namespace: { name, labels: { ...labels } } };
    },
    create(request) {
      const { name, labels } = required(request.namespace);
      store.create({ name, labels });
      events.publish(name, "/namespaces/create", NamespaceCreateSchema, { name, labels });
      return { namespace: { name, labels } };
    },
    update(request) {
      const given = required(request.namespace);
      const { name } = given;
      const labels = updatedLabels(store.get(name), given, request.updateMask?.paths ?? []);
      store.setLabels(name, labels);
      events.publish(name, "/namespaces/update", NamespaceUpdateSchema, { name, labels });
      return { namespace: { name, labels } };
    },
    delete(request) {
      const { name } = request;
      store.delete(name);
      events.publish(name, "/namespaces/delete", NamespaceDeleteSchema, { name });
      return {};
    },
  });
}
