/** Bytes of containers: what each has written (`SizeRw`), and that with its image (`SizeRootFs`). */
import { Snapshots } from "../../contracts/containerd/gen/snapshots_pb.ts";
import { codeOf } from "../../lib/errors.ts";
import { type Channel, createClient } from "../../wire/h2/client.ts";
import type { ContainerRecord } from "../containers/container.ts";

export interface ContainerSize {
  readonly SizeRw: number;
  readonly SizeRootFs: number;
}

export interface ContainerSizes {
  of(id: string): Promise<ContainerSize>;
  /** Rows of the list of containers. */
  addTo(rows: readonly Record<string, unknown>[]): Promise<readonly object[]>;
}

/** Layers below one another at most. */
const DEPTH_MAX = 256;

export function createContainerSizes(
  channel: Channel,
  snapshotter: string,
  find: (id: string) => ContainerRecord,
): ContainerSizes {
  const client = createClient(Snapshots, channel);
  const usage = async (key: string): Promise<number> => {
    try {
      return Number((await client.usage({ snapshotter, key })).size);
    } catch (error) {
      if (codeOf(error) === "not_found") return 0;
      throw error;
    }
  };
  const withParents = async (chainId: string): Promise<number> => {
    let bytes = 0;
    for (let key = chainId, depth = 0; key !== "" && depth < DEPTH_MAX; depth += 1) {
      bytes += await usage(key);
      const { info } = await client.stat({ snapshotter, key });
      key = info?.parent ?? "";
    }
    return bytes;
  };
  const of = async (id: string): Promise<ContainerSize> => {
    const { image } = find(id);
    const SizeRw = await usage(id);
    return { SizeRw, SizeRootFs: SizeRw + (await withParents(image.chainId)) };
  };
  return {
    of,
    addTo: (rows) => Promise.all(rows.map(async (row) => ({ ...row, ...(await of(row["Id"] as string)) }))),
  };
}
