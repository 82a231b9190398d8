/** Images over gRPC. */
import {
  ImageCreateSchema,
  ImageDeleteSchema,
  type Image as ImageMessage,
  Images,
  ImageUpdateSchema,
} from "../../contracts/containerd/gen/images_pb.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import type { Collector } from "../core/collector.ts";
import { namespaceOf } from "../core/context.ts";
import type { EventBus } from "../core/events.ts";
import { mapField, parseFilters } from "../core/filters.ts";
import type { Image, ImageStore } from "../core/images.ts";
import type { ImageEvents } from "../metadata/images.ts";
import { descriptorOf, toDescriptor } from "./descriptors.ts";

/** What the store tells of its changes, as containerd's events. */
export function imageEvents(events: EventBus): ImageEvents {
  return (action, namespace, name, labels) => {
    if (action === "delete") events.publish(namespace, "/images/delete", ImageDeleteSchema, { name });
    else if (action === "create")
      events.publish(namespace, "/images/create", ImageCreateSchema, { name, labels: { ...labels } });
    else events.publish(namespace, "/images/update", ImageUpdateSchema, { name, labels: { ...labels } });
  };
}

function toMessage({ name, target, labels, createdAtNs, updatedAtNs }: Image) {
  return {
    ...{ name, target: toDescriptor(target), labels: { ...labels } },
    ...{ createdAt: timestampOf(createdAtNs), updatedAt: timestampOf(updatedAtNs) },
  };
}

function required(image: ImageMessage | undefined): Pick<Image, "name" | "target" | "labels"> {
  if (image === undefined || image.name === "")
    throw new SkiffError("invalid_argument", "Image.Name required");
  if (image.target === undefined) throw new SkiffError("invalid_argument", "image: target required");
  return { name: image.name, target: descriptorOf(image.target), labels: image.labels };
}

export function imagesService(store: ImageStore, collector: Collector) {
  return implement(Images, {
    get: (request, context) => ({ image: toMessage(store.get(namespaceOf(context), request.name)) }),
    list(request, context) {
      const filter = parseFilters(request.filters);
      const images = store.list(namespaceOf(context)).filter(({ name, target, labels }) =>
        filter(([field, ...rest]) => {
          if (field === "name") return name;
          if (field === "target" && rest[0] === "digest") return target.digest;
          if (field === "target" && rest[0]?.toLowerCase() === "mediatype") return target.mediaType;
          if (field === "labels") return mapField(labels, rest);
          if (field === "annotations") return mapField(target.annotations ?? {}, rest);
          return undefined;
        }),
      );
      return { images: images.map(toMessage) };
    },
    create: (request, context) => ({
      image: toMessage(store.create(namespaceOf(context), required(request.image))),
    }),
    update(request, context) {
      const image = store.update(
        namespaceOf(context),
        required(request.image),
        request.updateMask?.paths ?? [],
      );
      collector.schedule();
      return { image: toMessage(image) };
    },
    async delete(request, context) {
      const namespace = namespaceOf(context);
      const { name, target } = request;
      if (target !== undefined && target.digest !== "") {
        const { digest } = store.get(namespace, name).target;
        if (digest !== target.digest)
          throw new SkiffError(
            "not_found",
            `image "${name}" has target ${digest}, not ${target.digest}: not found`,
          );
      }
      store.delete(namespace, name);
      if (request.sync) await collector.collect();
      else collector.schedule();
      return {};
    },
  });
}
