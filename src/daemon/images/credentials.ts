/** `X-Registry-Auth`, and how it answers a registry. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  AuthRequestSchema,
  type AuthResponse,
  AuthResponseSchema,
  AuthType,
} from "../../contracts/containerd/gen/transfer_pb.ts";
import type { ImageParts } from "./parts.ts";
import { isAny, openSideStream, type SideStream } from "./side-stream.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** A refresh token in a password's place. */
  readonly identityToken: string;
  /** A bearer token as it is. */
  readonly registryToken: string;
}

const HEADER_BYTES_MAX = 64 * 1024;

/** Base64url of JSON; what cannot be read is no credentials, as for dockerd. */
export function parseCredentials(header: string | undefined): Credentials | undefined {
  if (header === undefined || header === "" || header.length > HEADER_BYTES_MAX) return undefined;
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(Buffer.from(header, "base64url").toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const text = (name: string) => (typeof json[name] === "string" ? (json[name] as string) : "");
  const [user = "", ...rest] = Buffer.from(text("auth"), "base64").toString().split(":");
  const username = text("username") === "" ? user : text("username");
  const password = text("password") === "" ? rest.join(":") : text("password");
  const credentials = {
    ...{ username, password },
    identityToken: text("identitytoken"),
    registryToken: text("registrytoken"),
  };
  return Object.values(credentials).every((value) => value === "") ? undefined : credentials;
}

function answerOf({
  username,
  password,
  identityToken,
  registryToken,
}: Credentials): Partial<Pick<AuthResponse, "authType" | "username" | "secret">> {
  if (registryToken !== "") return { authType: AuthType.HEADER, secret: `Bearer ${registryToken}` };
  if (identityToken !== "") return { authType: AuthType.REFRESH, username, secret: identityToken };
  return { authType: AuthType.CREDENTIALS, username, secret: password };
}

async function answerAll(stream: SideStream, credentials: Credentials): Promise<void> {
  for (let any = await stream.receive(); any !== undefined; any = await stream.receive()) {
    if (!isAny(any, AuthRequestSchema)) continue;
    fromBinary(AuthRequestSchema, any.value);
    stream.send(AuthResponseSchema, answerOf(credentials));
  }
}

/** A stream on which containerd may ask; undefined when there is nothing to say. The caller closes it. */
export async function openAuthStream(
  parts: Pick<ImageParts, "clients" | "ids">,
  credentials: Credentials | undefined,
): Promise<SideStream | undefined> {
  if (credentials === undefined) return undefined;
  const stream = await openSideStream(parts, "auth");
  void answerAll(stream, credentials);
  return stream;
}
