/** What the daemon speaks, where a command means something else to an older one. */
import type { Client } from "./client.ts";

/** `1.9` is older than `1.41`. */
export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = than.split(".").map(Number);
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}

export async function daemonApiVersion(client: Client): Promise<string> {
  const response = await client.send("HEAD", "/_ping");
  response.close();
  return response.headers.get("api-version") ?? "1.24";
}
