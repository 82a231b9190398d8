/** Descriptors and platforms as messages and as plain data. */
import type { Descriptor as DescriptorMessage } from "../../contracts/containerd/gen/types_pb.ts";
import type { Descriptor } from "../core/content.ts";

export function descriptorOf({ mediaType, digest, size, annotations }: DescriptorMessage): Descriptor {
  const noted = Object.keys(annotations).length > 0;
  return { mediaType, digest, size: Number(size), ...(noted ? { annotations } : {}) };
}

export function toDescriptor({ mediaType, digest, size, annotations = {} }: Descriptor) {
  return { mediaType, digest, size: BigInt(size), annotations: { ...annotations } };
}
