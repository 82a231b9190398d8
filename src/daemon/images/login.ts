/** `POST /auth`: asks a registry whether it takes these credentials. */
import { codeOf, messageOf, SkiffError } from "../../lib/errors.ts";
import type { Credentials } from "./credentials.ts";
import type { ImageParts } from "./parts.ts";
import { pingRegistry } from "./registry-client.ts";

export interface LoginAnswer {
  readonly Status: string;
  readonly IdentityToken: string;
}

const HUB = new Set(["", "docker.io", "index.docker.io", "registry-1.docker.io"]);

/** `https://index.docker.io/v1/`, `127.0.0.1:5000`, … as a host. @throws invalid_argument */
export function registryHost(address: string): string {
  const host = address.replace(/^https?:\/\//, "").split("/", 1)[0]!;
  if (HUB.has(host)) return "docker.io";
  if (!/^(?:[A-Za-z0-9.-]{1,255}|\[[0-9a-fA-F:]{2,45}\])(?::[0-9]{1,5})?$/.test(host))
    throw new SkiffError("invalid_argument", `invalid registry address: ${address}`);
  return host;
}

/** @throws unauthenticated when they are refused */
export async function login(
  parts: ImageParts,
  address: string,
  credentials: Credentials,
): Promise<LoginAnswer> {
  const host = registryHost(address);
  try {
    await pingRegistry(host, credentials, parts.registries);
  } catch (error) {
    if (codeOf(error) !== "unauthenticated") throw error;
    throw new SkiffError("unauthenticated", `login attempt to ${host} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return { Status: "Login Succeeded", IdentityToken: "" };
}
