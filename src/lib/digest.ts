/**
 * Digests name content and become paths and URLs, so nothing that is not exactly one gets by here: `sha256:../../x` is an error, never a path.
 * Algorithms and lengths are those of go-digest; new content is always named by SHA-256.
 */
import { SkiffError } from "./errors.ts";

const HEX_LENGTHS = { sha256: 64, sha384: 96, sha512: 128 } as const;

export type DigestAlgorithm = keyof typeof HEX_LENGTHS;

export interface ParsedDigest {
  readonly algorithm: DigestAlgorithm;
  readonly hex: string;
}

const SHAPE = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
/** Longest digest there is, and room for being wrong. */
const LENGTH_MAX = 256;

/** @throws invalid_argument in go-digest's words */
export function parseDigest(digest: string): ParsedDigest {
  if (digest.length > LENGTH_MAX || !SHAPE.test(digest))
    throw new SkiffError("invalid_argument", "invalid checksum digest format");
  const colon = digest.indexOf(":");
  const name = digest.slice(0, colon);
  const hex = digest.slice(colon + 1);
  if (!Object.hasOwn(HEX_LENGTHS, name))
    throw new SkiffError("invalid_argument", "unsupported digest algorithm");
  const algorithm = name as DigestAlgorithm;
  if (hex.length !== HEX_LENGTHS[algorithm])
    throw new SkiffError("invalid_argument", "invalid checksum digest length");
  if (!/^[a-f0-9]+$/.test(hex)) throw new SkiffError("invalid_argument", "invalid checksum digest format");
  return { algorithm, hex };
}

export function isDigest(digest: string): boolean {
  try {
    parseDigest(digest);
    return true;
  } catch {
    return false;
  }
}

export function sha256Of(bytes: Uint8Array | string): `sha256:${string}` {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

/** For what becomes a path or a URL: content is stored under SHA-256 only. @throws invalid_argument */
export function checkDigest(digest: string): `sha256:${string}` {
  const { algorithm, hex } = parseDigest(digest);
  if (algorithm !== "sha256")
    throw new SkiffError("invalid_argument", `digest algorithm ${algorithm} is not supported`);
  return `sha256:${hex}`;
}
