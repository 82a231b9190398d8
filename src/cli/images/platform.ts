/** `linux/arm64/v8` in the two ways the API wants it. */
import { CliError } from "../errors.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  x64: "amd64",
  aarch64: "arm64",
  i386: "386",
};

/** `{"os":…,"architecture":…}`; undefined for "". @throws CliError */
export function platformJson(platform: string): string | undefined {
  if (platform === "") return undefined;
  const [os = "", architecture = "", variant] = platform.toLowerCase().split("/");
  if (!/^[a-z0-9_-]+(\/[a-z0-9_.-]+){0,2}$/.test(platform.toLowerCase()))
    throw new CliError(`invalid platform: "${platform}" is an invalid OS component of "${platform}"`);
  return JSON.stringify({
    architecture:
      ARCHITECTURES[architecture] ?? (architecture || (process.arch === "x64" ? "amd64" : process.arch)),
    os,
    ...(variant === undefined ? {} : { variant }),
  });
}
