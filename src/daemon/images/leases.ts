/** Keeps new content and snapshots from the garbage collector until something refers to them. */
import type { CallOptions } from "../../wire/h2/api.ts";
import type { ImageParts } from "./parts.ts";

/** A lease that a crash leaves behind ends by itself. */
const LEASE_HOURS = 24;

/** What `body` makes with these call options stays at least until it returns; `keep` are blobs that must stay, too. */
export async function withLease<T>(
  { clients, clock, ids }: Pick<ImageParts, "clients" | "clock" | "ids">,
  keep: readonly string[],
  body: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const id = `skiffd-${ids.hex(16)}`;
  const expire = new Date(clock.now() + LEASE_HOURS * 3600_000).toISOString();
  await clients.leases.create({ id, labels: { "containerd.io/gc.expire": expire } });
  try {
    for (const digest of keep)
      await clients.leases.addResource({ id, resource: { id: digest, type: "content" } });
    return await body({ metadata: { "containerd-lease": id } });
  } finally {
    await clients.leases.delete({ id }).catch(() => {});
  }
}
