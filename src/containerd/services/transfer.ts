/** The Transfer service: what the client calls source and destination decides what is done. Streams are taken here, and closed here. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  ImageExportStreamSchema,
  ImageImportStreamSchema,
  ImageStoreSchema,
  OCIRegistrySchema,
} from "../../contracts/containerd/gen/transfer_pb.ts";
import { Transfer } from "../../contracts/containerd/gen/transfer_service_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import { leaseOf, namespaceOf, type RequestContext } from "../core/context.ts";
import type { StreamRegistry } from "../core/streams.ts";
import { createShared, type Job, type TransferParts, withLease } from "../plugins/transfer/job.ts";
import { progressTo, silent } from "../plugins/transfer/progress.ts";
import {
  runExport,
  runImport,
  runPull,
  runPush,
  runTag,
  type TransferCall,
} from "../plugins/transfer/run.ts";

const KINDS = {
  registry: OCIRegistrySchema,
  store: ImageStoreSchema,
  importStream: ImageImportStreamSchema,
  exportStream: ImageExportStreamSchema,
} as const;

type Kind = keyof typeof KINDS;

function kindOf(any: Any | undefined): Kind | undefined {
  const name = any?.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
  return (Object.keys(KINDS) as Kind[]).find((kind) => KINDS[kind].typeName === name);
}

function message<K extends Kind>(kind: K, any: Any) {
  try {
    return fromBinary<(typeof KINDS)[K]>(KINDS[kind], any.value);
  } catch (cause) {
    throw new SkiffError("invalid_argument", `transfer: malformed ${any.typeUrl}`, { cause });
  }
}

/** The transfer for a pair of ends. @throws unimplemented */
function workOf(source: Any, destination: Any, call: TransferCall): (job: Job) => Promise<void> {
  const pair = `${kindOf(source)} ${kindOf(destination)}`;
  switch (pair) {
    case "registry store":
      return (job) => runPull(job, call, message("registry", source), message("store", destination));
    case "store registry":
      return (job) => runPush(job, call, message("store", source), message("registry", destination));
    case "store store":
      return (job) => runTag(job, message("store", source), message("store", destination));
    case "importStream store":
      return (job) => runImport(job, call, message("importStream", source), message("store", destination));
    case "store exportStream":
      return (job) => runExport(job, call, message("store", source), message("exportStream", destination));
    default: {
      const text = `unable to transfer from ${source.typeUrl} to ${destination.typeUrl}: not implemented`;
      throw new SkiffError("unimplemented", text);
    }
  }
}

export function transferService(parts: TransferParts, streams: StreamRegistry) {
  const shared = createShared();
  return implement(Transfer, {
    async transfer(request, context: RequestContext) {
      const namespace = namespaceOf(context);
      const { source, destination, options } = request;
      if (source === undefined || destination === undefined)
        throw new SkiffError("invalid_argument", "transfer: source and destination are required");
      const call = { streams, namespace };
      const work = workOf(source, destination, call);
      const id = options?.progressStream ?? "";
      const stream = id === "" ? undefined : streams.get(namespace, id);
      const verb = kindOf(destination) === "registry" ? "uploading" : "downloading";
      const progress = stream === undefined ? silent : progressTo(stream, verb);
      try {
        const job = { parts, shared, namespace, signal: context.signal, progress };
        await withLease(job, leaseOf(context), work);
      } finally {
        await progress.finish();
        stream?.close();
      }
      return {};
    },
  });
}
