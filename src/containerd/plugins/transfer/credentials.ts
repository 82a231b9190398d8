/** Asks the client who it is to a registry, over the stream it opened for that: AuthRequest there, AuthResponse back, one at a time. */
import { fromBinary } from "@bufbuild/protobuf";
import { packAny } from "../../../contracts/containerd/any.ts";
import {
  AuthRequestSchema,
  AuthResponseSchema,
  AuthType,
} from "../../../contracts/containerd/gen/transfer_pb.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { AnyStream } from "../../core/streams.ts";
import type { CredentialSource, Credentials } from "../registry/credentials.ts";
import { KeyedLock } from "./locks.ts";

const ANSWER_MS_MAX = 60_000;

async function answerOf(stream: AnyStream): Promise<Credentials> {
  const timeout = Bun.sleep(ANSWER_MS_MAX).then((): never => {
    throw new SkiffError("deadline_exceeded", "credentials: no answer from the client");
  });
  timeout.catch(() => {});
  const message = await Promise.race([stream.receive(), timeout]);
  if (message === undefined || !message.typeUrl.endsWith(AuthResponseSchema.typeName))
    throw new SkiffError("unauthenticated", "credentials: the client gave no answer");
  const { authType, username, secret } = fromBinary(AuthResponseSchema, message.value);
  if (authType === AuthType.HEADER) return { kind: "header", secret };
  if (authType === AuthType.CREDENTIALS && username !== "") return { kind: "password", username, secret };
  if (authType === AuthType.REFRESH && secret !== "") return { kind: "refresh", secret };
  return { kind: "none" };
}

export function askOver(stream: AnyStream, reference: string): CredentialSource {
  const turn = new KeyedLock();
  return {
    credentials: (host, challenges) =>
      turn.run("", async () => {
        const wwwauthenticate = [...challenges];
        await stream.send(packAny(AuthRequestSchema, { host, reference, wwwauthenticate }));
        return answerOf(stream);
      }),
  };
}
