/** From the protocol's messages to transfers: references parsed, platforms and snapshotters found, streams opened. */
import {
  HTTPDebug,
  type ImageExportStream,
  type ImageImportStream,
  type ImageStore,
  type OCIRegistry,
} from "../../../contracts/containerd/gen/transfer_pb.ts";
import type { Platform as PlatformMessage } from "../../../contracts/containerd/gen/types_pb.ts";
import { SkiffError, wrap } from "../../../lib/errors.ts";
import { parseReference, type Reference } from "../../../lib/reference.ts";
import type { Platform } from "../../core/content.ts";
import type { AnyStream, StreamRegistry } from "../../core/streams.ts";
import { createRegistryClient, type RegistryClient } from "../registry/client.ts";
import { anonymous } from "../registry/credentials.ts";
import { byteSender, receiveBytes } from "./byte-stream.ts";
import type { UnpackTarget } from "./complete.ts";
import { askOver } from "./credentials.ts";
import { exportImages } from "./export.ts";
import { importArchive } from "./import.ts";
import type { Job, TransferParts } from "./job.ts";
import { hostPlatform, normalize } from "./platforms.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { tag } from "./tag.ts";

export interface TransferCall {
  readonly streams: StreamRegistry;
  readonly namespace: string;
}

function platformOf({ os, architecture, variant, osVersion }: PlatformMessage): Platform {
  return {
    ...normalize({ os, architecture, variant }),
    ...(osVersion === "" ? {} : { "os.version": osVersion }),
  };
}

/** @throws not_found for a snapshotter that is not here */
function unpacksOf({ snapshotters }: TransferParts, store: ImageStore): UnpackTarget[] {
  return store.unpacks.map(({ platform, snapshotter: name }) => {
    const snapshotter = name === "" ? [...snapshotters.values()][0] : snapshotters.get(name);
    if (snapshotter === undefined) throw new SkiffError("not_found", `snapshotter ${name}: not found`);
    return { platform: platform === undefined ? hostPlatform() : platformOf(platform), snapshotter };
  });
}

function selectionOf(parts: TransferParts, store: ImageStore) {
  return {
    platforms: store.platforms.map(platformOf),
    allMetadata: store.allMetadata,
    limit: store.manifestLimit,
    unpacks: unpacksOf(parts, store),
  };
}

function referenceOf({ reference }: OCIRegistry): Reference {
  try {
    return parseReference(reference);
  } catch (error) {
    throw wrap(error, `failed to parse reference "${reference}"`);
  }
}

interface Remote {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly name: string;
}

/** Runs `work` with a client of the registry; the stream for credentials is open so long. */
async function withRegistry(
  job: Job,
  call: TransferCall,
  registry: OCIRegistry,
  work: (remote: Remote) => Promise<void>,
): Promise<void> {
  const { resolver, reference: name } = registry;
  const reference = referenceOf(registry);
  if (resolver !== undefined && resolver.httpDebug !== HTTPDebug.DISABLED)
    throw new SkiffError("unimplemented", "dumps of registry requests (http_debug) are not implemented");
  const id = resolver?.authStream ?? "";
  const stream = id === "" ? undefined : call.streams.get(call.namespace, id);
  try {
    const client = createRegistryClient({
      ...{ reference, name, signal: job.signal, sleep: job.parts.sleep },
      headers: { ...resolver?.headers },
      credentials: stream === undefined ? anonymous : askOver(stream, name),
      hostDir: resolver?.hostDir ?? "",
      defaultScheme: resolver?.defaultScheme ?? "",
    });
    await work({ client, reference, name });
  } finally {
    stream?.close();
  }
}

export function runPull(
  job: Job,
  call: TransferCall,
  registry: OCIRegistry,
  store: ImageStore,
): Promise<void> {
  const selection = selectionOf(job.parts, store);
  return withRegistry(job, call, registry, ({ client, reference }) =>
    pull(job, { registry, reference, client, store, selection }),
  );
}

export function runPush(
  job: Job,
  call: TransferCall,
  store: ImageStore,
  registry: OCIRegistry,
): Promise<void> {
  const platforms = store.platforms.map(platformOf);
  return withRegistry(job, call, registry, (remote) =>
    push(job, { ...remote, image: store.name, platforms }),
  );
}

export function runTag(job: Job, source: ImageStore, store: ImageStore): Promise<void> {
  return tag(job, source.name, store);
}

async function withStream(call: TransferCall, id: string, work: (stream: AnyStream) => Promise<void>) {
  const stream = call.streams.get(call.namespace, id);
  try {
    await work(stream);
  } finally {
    stream.close();
  }
}

export function runImport(
  job: Job,
  call: TransferCall,
  from: ImageImportStream,
  store: ImageStore,
): Promise<void> {
  const selection = selectionOf(job.parts, store);
  return withStream(call, from.stream, (stream) =>
    importArchive(job, { bytes: receiveBytes(stream), store, selection, compress: from.forceCompress }),
  );
}

export function runExport(
  job: Job,
  call: TransferCall,
  store: ImageStore,
  to: ImageExportStream,
): Promise<void> {
  const names = [
    ...(store.name === "" ? [] : [store.name]),
    ...store.extraReferences.map(({ name }) => name),
  ];
  if (store.extraReferences.some(({ isPrefix }) => isPrefix))
    throw new SkiffError("unimplemented", "prefix lookup on export not implemented: not implemented");
  return withStream(call, to.stream, (stream) =>
    exportImages(job, {
      names,
      sender: byteSender(stream),
      platforms: to.platforms.map(platformOf),
      allPlatforms: to.allPlatforms,
      compatibility: !to.skipCompatibilityManifest,
      skipNonDistributable: to.skipNonDistributable,
    }),
  );
}
