/** Content over gRPC: blobs and their labels. Writing has its own file (content-write.ts). */
import { Content } from "../../contracts/containerd/gen/content_pb.ts";
import { ContentDeleteSchema } from "../../contracts/containerd/gen/events_pb.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import type { Collector } from "../core/collector.ts";
import type { BlobInfo, ContentStore, IngestStatus } from "../core/content.ts";
import { namespaceOf } from "../core/context.ts";
import type { EventBus } from "../core/events.ts";
import { mapField, parseFilters } from "../core/filters.ts";
import { mergeLabels } from "../metadata/labels.ts";
import { writeContent } from "./content-write.ts";

/** Blobs per message of List, as containerd. */
const LIST_BATCH = 100;

function toInfo({ digest, size, labels, createdAtNs, updatedAtNs }: BlobInfo) {
  return {
    ...{ digest, size: BigInt(size), labels: { ...labels } },
    ...{ createdAt: timestampOf(createdAtNs), updatedAt: timestampOf(updatedAtNs) },
  };
}

function toStatus({ ref, offset, total, expected, startedAtNs, updatedAtNs }: IngestStatus) {
  return {
    ...{ ref, offset: BigInt(offset), total: BigInt(total), expected },
    ...{ startedAt: timestampOf(startedAtNs), updatedAt: timestampOf(updatedAtNs) },
  };
}

export interface ContentServiceParts {
  readonly content: ContentStore;
  readonly events: EventBus;
  readonly collector: Collector;
}

export function contentService({ content, events, collector }: ContentServiceParts) {
  return implement(Content, {
    info: (request, context) => ({ info: toInfo(content.info(namespaceOf(context), request.digest)) }),
    async *list(request, context) {
      const filter = parseFilters(request.filters);
      // Not by size: containerd does not, either.
      const found = content.list(namespaceOf(context)).filter(({ digest, labels }) =>
        filter(([field, ...rest]) => {
          if (field === "digest") return digest;
          if (field === "labels") return mapField(labels, rest);
          return undefined;
        }),
      );
      for (let at = 0; at < found.length; at += LIST_BATCH)
        yield { info: found.slice(at, at + LIST_BATCH).map(toInfo) };
    },
    update(request, context) {
      const namespace = namespaceOf(context);
      const { digest = "", labels = {} } = request.info ?? {};
      const given = request.updateMask?.paths ?? [];
      const paths = given.length === 0 ? ["labels"] : given;
      const unknown = paths.find((path) => !/^labels(\.|$)/.test(path));
      if (unknown !== undefined)
        throw new SkiffError(
          "invalid_argument",
          `cannot update "${unknown}" field on content info "${digest}": invalid argument`,
        );
      const merged = mergeLabels(content.info(namespace, digest).labels, labels, paths);
      // No collection: clients label what they have not named yet.
      return { info: toInfo(content.update(namespace, digest, merged, true)) };
    },
    async *read(request, context) {
      const [from, size] = [Number(request.offset), Number(request.size)];
      // Counted from the range's begin, as containerd counts.
      let offset = 0;
      for await (const data of content.read(namespaceOf(context), request.digest, from, size)) {
        yield { offset: BigInt(offset), data };
        offset += data.length;
      }
    },
    delete(request, context) {
      const namespace = namespaceOf(context);
      content.delete(namespace, request.digest);
      events.publish(namespace, "/content/delete", ContentDeleteSchema, { digest: request.digest });
      collector.schedule();
      return {};
    },
    write: (requests, context) => writeContent(content, requests, context),
    status: (request, context) => ({ status: toStatus(content.status(namespaceOf(context), request.ref)) }),
    listStatuses(request, context) {
      const filter = parseFilters(request.filters);
      const statuses = content
        .statuses(namespaceOf(context))
        .filter(({ ref }) => filter(([field]) => (field === "ref" ? ref : undefined)));
      return { statuses: statuses.map(toStatus) };
    },
    abort(request, context) {
      content.abort(namespaceOf(context), request.ref);
      return {};
    },
  });
}
