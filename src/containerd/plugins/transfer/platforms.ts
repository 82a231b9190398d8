/** Which of an index's manifests suits a platform: containerd's normalization and order (github.com/containerd/platforms). */
import type { Descriptor, Platform } from "../../core/content.ts";

const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant: string | undefined]>> =
  {
    i386: ["386", ""],
    x86_64: ["amd64", undefined],
    "x86-64": ["amd64", undefined],
    aarch64: ["arm64", undefined],
    armhf: ["arm", "v7"],
    armel: ["arm", "v6"],
  };

const HOST: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64", ia32: "386", arm: "arm" };

export function hostPlatform(): Platform {
  return normalize({ os: "linux", architecture: HOST[process.arch] ?? process.arch });
}

function variantOf(architecture: string, variant: string): string {
  const known = /^[0-9]$/.test(variant) ? `v${variant}` : variant;
  if (architecture === "amd64" && known === "v1") return "";
  if (architecture === "arm64" && known === "v8") return "";
  if (architecture === "arm" && known === "") return "v7";
  return known;
}

/** Empty parts are the host's. */
export function normalize(platform: Platform): Platform {
  const os = platform.os.toLowerCase() || "linux";
  const written = platform.architecture.toLowerCase() || (HOST[process.arch] ?? process.arch);
  const alias = Object.hasOwn(ARCHITECTURES, written) ? ARCHITECTURES[written] : undefined;
  const architecture = alias?.[0] ?? written;
  const variant = variantOf(architecture, (alias?.[1] ?? platform.variant ?? "").toLowerCase());
  return { os, architecture, ...(variant === "" ? {} : { variant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === "" ? [] : [variant])].join("/");
}

const below = (variant: string | undefined, lowest: number): string[] => {
  const level = /^v([0-9])$/.exec(variant ?? "")?.[1];
  if (level === undefined) return [];
  return Array.from({ length: Math.max(Number(level) - lowest, 0) }, (_, i) => `v${Number(level) - 1 - i}`);
};

/** What a machine of this platform can run, best first. */
function runnable(platform: Platform): Platform[] {
  const wanted = normalize(platform);
  const { os, architecture, variant } = wanted;
  const lower = (name: string, variants: readonly string[]) =>
    variants.map((lower) => normalize({ os, architecture: name, variant: lower }));
  if (architecture === "amd64")
    return [wanted, ...lower("amd64", below(variant, 1)), normalize({ os, architecture: "386" })];
  if (architecture === "arm") return [wanted, ...lower("arm", below(variant, 5))];
  if (architecture === "arm64")
    return [
      wanted,
      ...(variant === undefined ? [] : lower("arm64", ["v8"])),
      ...lower("arm", ["v8", "v7", "v6", "v5"]),
    ];
  return [wanted];
}

/** 0 is best; undefined: cannot run. */
export function rank(wanted: Platform, offered: Platform): number | undefined {
  const shown = formatPlatform(normalize(offered));
  const found = runnable(wanted).findIndex((platform) => formatPlatform(platform) === shown);
  return found < 0 ? undefined : found;
}

/**
 * The manifests of an index for any of the platforms, in the index's order of preference; a manifest without platform suits all. No platforms: all.
 * @param limit 0: none
 */
export function choose(
  manifests: readonly Descriptor[],
  platforms: readonly Platform[],
  limit: number,
): readonly Descriptor[] {
  const cut = (found: readonly Descriptor[]) => (limit > 0 ? found.slice(0, limit) : found);
  if (platforms.length === 0) return cut(manifests);
  const chosen = new Set<Descriptor>();
  for (const wanted of platforms) {
    const ranked = manifests
      .map((manifest) => ({ manifest, rank: manifest.platform ? rank(wanted, manifest.platform) : 0 }))
      .filter((entry): entry is { manifest: Descriptor; rank: number } => entry.rank !== undefined);
    const best = Math.min(...ranked.map((entry) => entry.rank));
    for (const entry of ranked) if (entry.rank === best) chosen.add(entry.manifest);
  }
  return cut([...chosen]);
}
