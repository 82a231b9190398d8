/** The services of containerd that images need, and helpers that all calls share. Only public services: any containerd from 1.7 on will do. */
import { Content } from "../../contracts/containerd/gen/content_pb.ts";
import { Diff } from "../../contracts/containerd/gen/diff_pb.ts";
import { Images } from "../../contracts/containerd/gen/images_pb.ts";
import { Leases } from "../../contracts/containerd/gen/leases_pb.ts";
import { Snapshots } from "../../contracts/containerd/gen/snapshots_pb.ts";
import { Streaming } from "../../contracts/containerd/gen/streaming_pb.ts";
import { Transfer } from "../../contracts/containerd/gen/transfer_service_pb.ts";
import type { Client } from "../../wire/h2/api.ts";
import { type Channel, createClient } from "../../wire/h2/client.ts";

export interface ImageClients {
  readonly images: Client<typeof Images>;
  readonly content: Client<typeof Content>;
  readonly snapshots: Client<typeof Snapshots>;
  readonly leases: Client<typeof Leases>;
  readonly diff: Client<typeof Diff>;
  readonly transfer: Client<typeof Transfer>;
  readonly streaming: Client<typeof Streaming>;
}

/** @param channel its metadata says `containerd-namespace: moby` */
export function createImageClients(channel: Channel): ImageClients {
  return {
    images: createClient(Images, channel),
    content: createClient(Content, channel),
    snapshots: createClient(Snapshots, channel),
    leases: createClient(Leases, channel),
    diff: createClient(Diff, channel),
    transfer: createClient(Transfer, channel),
    streaming: createClient(Streaming, channel),
  };
}
