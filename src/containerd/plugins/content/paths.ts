/**
 * Where the content store keeps what (containerd's own layout):
 *
 *     <root>/io.containerd.content.v1.content/
 *     ├── blobs/sha256/<hex>            0444, complete
 *     └── ingest/<sha256 of ns/ref>/    data, ref ("<ns>/<ref>"), startedat, updatedat (RFC 3339), total (decimal)
 */
import { join } from "node:path";
import { parseDigest } from "../../../lib/digest.ts";
import { SkiffError } from "../../../lib/errors.ts";

export interface ContentPaths {
  readonly blobs: string;
  readonly ingests: string;
  /** @throws invalid_argument for what is no digest (CVE-2024-3727: it becomes a path). */
  blob(digest: string): string;
  ingest(namespace: string, ref: string): string;
}

export function contentPaths(root: string): ContentPaths {
  const base = join(root, "io.containerd.content.v1.content");
  const blobs = join(base, "blobs/sha256");
  const ingests = join(base, "ingest");
  return {
    blobs,
    ingests,
    blob(digest) {
      const { algorithm, hex } = parseDigest(digest);
      if (algorithm !== "sha256")
        throw new SkiffError("unimplemented", `content ${digest}: only sha256 is stored`);
      return join(blobs, hex);
    },
    ingest: (namespace, ref) =>
      join(ingests, new Bun.CryptoHasher("sha256").update(`${namespace}/${ref}`).digest("hex")),
  };
}
