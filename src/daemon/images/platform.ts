/** Platforms as images name them: `os/architecture[/variant]`, with containerd's normalization and order of preference. */
import { SkiffError } from "../../lib/errors.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** "" for none. */
  readonly variant: string;
}

const ARCHITECTURES: Readonly<Record<string, readonly [string, string?]>> = {
  x86_64: ["amd64", ""],
  "x86-64": ["amd64", ""],
  i386: ["386", ""],
  aarch64: ["arm64", ""],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};

/** What is implied is left out: amd64/v1 is amd64, arm64/v8 is arm64; arm without a variant is v7. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const [architecture, fixed] = ARCHITECTURES[platform.architecture.toLowerCase()] ?? [
    platform.architecture.toLowerCase(),
  ];
  const variant = (fixed === undefined || fixed === "" ? platform.variant : fixed).toLowerCase();
  if (architecture === "amd64" && variant === "v1") return { os, architecture, variant: "" };
  if (architecture === "arm64" && (variant === "v8" || variant === "8"))
    return { os, architecture, variant: "" };
  if (architecture === "arm" && variant === "") return { os, architecture, variant: "v7" };
  if (architecture === "arm" && /^[5-8]$/.test(variant)) return { os, architecture, variant: `v${variant}` };
  return { os, architecture, variant };
}

export function hostPlatform(): Platform {
  const architecture = { x64: "amd64", ia32: "386" }[process.arch as string] ?? process.arch;
  return normalizePlatform({ os: "linux", architecture, variant: "" });
}

const WORD = /^[A-Za-z0-9_.-]+$/;
const KNOWN_OS = new Set([
  ..."aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos".split(
    " ",
  ),
]);

/** `linux/arm64`, `arm64`, `linux`; "" is undefined. @throws invalid_argument in containerd's words */
export function parsePlatform(text: string, host: Platform): Platform | undefined {
  if (text === "") return undefined;
  const words = text.split("/");
  if (words.length > 3)
    throw new SkiffError("invalid_argument", `"${text}": cannot parse platform specifier: invalid argument`);
  for (const word of words) {
    if (!WORD.test(word))
      throw new SkiffError(
        "invalid_argument",
        `"${text}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`,
      );
  }
  const [first = "", second, third = ""] = words;
  if (second !== undefined) return normalizePlatform({ os: first, architecture: second, variant: third });
  if (KNOWN_OS.has(first.toLowerCase())) return normalizePlatform({ ...host, os: first });
  return normalizePlatform({ os: host.os, architecture: first, variant: "" });
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === "" ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** Variants a machine of that variant runs too, best first. */
function runnable({ architecture, variant }: Platform): readonly string[] {
  const number = /^v([0-9]{1,2})$/.exec(variant)?.[1];
  if (architecture === "arm" && number !== undefined)
    return Array.from(
      { length: Math.max(0, Number(number) - 4) },
      (_, index) => `v${Number(number) - index}`,
    );
  if (architecture === "amd64" && number !== undefined)
    return [...Array.from({ length: Number(number) - 1 }, (_, index) => `v${Number(number) - index}`), ""];
  return [variant];
}

/** How well an image's platform fits: 0 is best, undefined not at all. */
export function fit(image: Platform, wanted: Platform): number | undefined {
  if (image.os !== wanted.os) return undefined;
  if (image.architecture === wanted.architecture) {
    const index = runnable(wanted).indexOf(image.variant);
    return index < 0 ? undefined : index;
  }
  // A 64-bit ARM machine runs 32-bit programs.
  if (wanted.architecture === "arm64" && image.architecture === "arm") return 100;
  return undefined;
}
