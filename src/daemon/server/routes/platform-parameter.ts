/** The `platform` parameter where it is JSON (`{"os":"linux","architecture":"arm64"}`), since API 1.48. */
import { SkiffError } from "../../../lib/errors.ts";
import type { ImageParts } from "../../images/parts.ts";
import { formatPlatform, parsePlatform } from "../../images/platform.ts";
import type { RouteContext } from "../context.ts";

/** `linux/arm64`; "" when absent. @throws invalid_argument */
export function platformParameter(context: RouteContext, parts: ImageParts): string {
  const text = context.query("platform");
  if (text === "") return "";
  let json: Record<string, unknown> | null;
  try {
    json = JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    throw new SkiffError("invalid_argument", "failed to parse platform: invalid JSON");
  }
  const words = ["os", "architecture", "variant"].map((name) => json?.[name] ?? "");
  const [os, architecture] = words;
  if (!words.every((word) => typeof word === "string") || os === "" || architecture === "")
    throw new SkiffError("invalid_argument", "both OS and Architecture must be provided");
  const platform = parsePlatform(words.filter((word) => word !== "").join("/"), parts.platform);
  return platform === undefined ? "" : formatPlatform(platform);
}
