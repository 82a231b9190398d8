/** Chain ids: the name of a snapshot is the digest of all layers up to it (OCI image-spec, "Layer ChainID"). */
import { sha256Of } from "../../lib/digest.ts";

export function chainIds(diffIds: readonly string[]): readonly string[] {
  const chains: string[] = [];
  for (const diffId of diffIds) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId : sha256Of(Buffer.from(`${below} ${diffId}`)));
  }
  return chains;
}
