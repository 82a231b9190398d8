/** google.protobuf.Any as containerd writes it: type URLs are bare names, without "type.googleapis.com/". */
import { create, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { messageOf, SkiffError } from "../../lib/errors.ts";

export function packAny<T extends Message>(
  schema: GenMessage<T>,
  value: MessageInitShape<GenMessage<T>>,
): Any {
  return create(AnySchema, { typeUrl: schema.typeName, value: toBinary(schema, create(schema, value)) });
}

/** OCI objects travel as JSON in an Any. @throws invalid_argument */
export function parseJsonAny(any: Any | undefined, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(any?.value ?? []).toString());
  } catch (error) {
    throw new SkiffError("invalid_argument", `${what}: ${messageOf(error)}`);
  }
}
