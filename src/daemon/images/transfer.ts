/** One call of containerd's Transfer service, with the streams around it. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../../contracts/containerd/any.ts";
import {
  ImageStoreSchema,
  OCIRegistrySchema,
  type Progress,
  ProgressSchema,
} from "../../contracts/containerd/gen/transfer_pb.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import type { ImageParts } from "./parts.ts";
import type { Platform } from "./platform.ts";
import { isAny, openSideStream } from "./side-stream.ts";

/** How long to wait for progress that is still under way when the transfer is over. */
const TAIL_MS = 500;

/** Resolves when the transfer is done and its progress has been told. */
export async function transfer(
  parts: Pick<ImageParts, "clients" | "ids">,
  source: Any,
  destination: Any,
  onProgress: (progress: Progress) => void,
  options: CallOptions = {},
): Promise<void> {
  const stream = await openSideStream(parts, "progress");
  const told = (async () => {
    for (let any = await stream.receive(); any !== undefined; any = await stream.receive())
      if (isAny(any, ProgressSchema)) onProgress(fromBinary(ProgressSchema, any.value));
  })();
  try {
    await parts.clients.transfer.transfer(
      { source, destination, options: { progressStream: stream.id } },
      options,
    );
  } finally {
    stream.end();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, TAIL_MS);
    await Promise.race([told, late.promise]);
    clearTimeout(timer);
    stream.close();
  }
  await told;
}

export function platformMessage({ os, architecture, variant }: Platform) {
  return { os, architecture, variant };
}

export interface RegistryPlace {
  readonly reference: string;
  /** "" for none. */
  readonly authStream: string;
  /** `http`, or "" for https. */
  readonly scheme: string;
  /** Directory with hosts.toml files, or "". */
  readonly hostDir: string;
}

export function registryAny({ reference, authStream, scheme, hostDir }: RegistryPlace): Any {
  const resolver = { authStream, defaultScheme: scheme, hostDir };
  return packAny(OCIRegistrySchema, { reference, resolver });
}

export function imageStoreAny(
  value: Parameters<typeof packAny<import("../../contracts/containerd/gen/transfer_pb.ts").ImageStore>>[1],
): Any {
  return packAny(ImageStoreSchema, value);
}
