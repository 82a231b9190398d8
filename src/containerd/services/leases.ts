import { Leases } from "../../contracts/containerd/gen/leases_pb.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import { implement } from "../../wire/h2/server.ts";
import type { Collector } from "../core/collector.ts";
import { namespaceOf } from "../core/context.ts";
import { mapField, parseFilters } from "../core/filters.ts";
import type { Lease, LeaseResource, LeaseStore } from "../metadata/leases.ts";

function toMessage({ id, createdAtNs, labels }: Lease) {
  return { id, createdAt: timestampOf(createdAtNs), labels: { ...labels } };
}

function required(resource: LeaseResource | undefined): LeaseResource {
  if (resource === undefined) throw new SkiffError("invalid_argument", "lease: resource required");
  return { type: resource.type, id: resource.id };
}

export function leasesService(store: LeaseStore, collector: Collector, ids: IdSource) {
  return implement(Leases, {
    list(request, context) {
      const filter = parseFilters(request.filters);
      const leases = store
        .list(namespaceOf(context))
        .filter(({ id, labels }) =>
          filter(([field, ...rest]) =>
            field === "id" ? id : field === "labels" ? mapField(labels, rest) : undefined,
          ),
        );
      return { leases: leases.map(toMessage) };
    },
    create(request, context) {
      const id = request.id === "" ? ids.hex(16) : request.id;
      return { lease: toMessage(store.create(namespaceOf(context), id, request.labels)) };
    },
    async delete(request, context) {
      store.delete(namespaceOf(context), request.id);
      if (request.sync) await collector.collect();
      else collector.schedule();
      return {};
    },
    listResources(request, context) {
      const resources = store.resources(namespaceOf(context), request.id);
      return { resources: resources.map(({ type, id }) => ({ type, id })) };
    },
    addResource(request, context) {
      store.add(namespaceOf(context), request.id, required(request.resource));
      return {};
    },
    deleteResource(request, context) {
      store.remove(namespaceOf(context), request.id, required(request.resource));
      collector.schedule();
      return {};
    },
  });
}
