/** Encoding and decoding of one method's messages, by its generated descriptor. */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { messageOf, SkiffError } from "../../lib/errors.ts";
import { messagePrefix } from "./messages.ts";

/** `/package.Service/Method`. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** A message with its prefix, ready to be sent. */
export function encodeMessagePieces(schema: DescMessage, init: unknown): readonly Uint8Array[] {
  const message = create(schema, init as MessageInitShape<DescMessage>);
  const bytes = toBinary(schema, message);
  return [messagePrefix(bytes.length), bytes];
}

/** Throws `internal` for bytes that are no such message. */
export function decodeMessageBytes(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new SkiffError("internal", `decode ${schema.typeName}: ${messageOf(error)}`, { cause: error });
  }
}
