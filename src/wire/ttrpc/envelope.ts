/** Request and Response, the messages around every call's payload (PROTOCOL.md). */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { messageOf, SkiffError } from "../../lib/errors.ts";

export interface Request {
  readonly service: string;
  readonly method: string;
  readonly payload: Uint8Array;
  /** Nanoseconds; 0n is none. */
  readonly timeoutNs: bigint;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface Response {
  /** A number of google.rpc.Code; 0 is success. */
  readonly code: number;
  readonly message: string;
  readonly payload: Uint8Array;
}

type Fields = Readonly<Record<number, (reader: BinaryReader) => void>>;

/** Reads the fields it is told of and skips others, as protobuf asks. @throws internal */
function readFields(bytes: Uint8Array, fields: Fields): void {
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      const read = fields[number];
      if (read === undefined) reader.skip(type, number);
      else read(reader);
    }
  } catch (error) {
    throw new SkiffError("internal", `decode ttrpc message: ${messageOf(error)}`, { cause: error });
  }
}

export function decodeRequest(bytes: Uint8Array): Request {
  const request = { service: "", method: "", payload: new Uint8Array(), timeoutNs: 0n };
  const metadata = new Map<string, string>();
  readFields(bytes, {
    1: (reader) => (request.service = reader.string()),
    2: (reader) => (request.method = reader.string()),
    3: (reader) => (request.payload = reader.bytes() as Uint8Array<ArrayBuffer>),
    4: (reader) => (request.timeoutNs = BigInt(reader.int64())),
    5(reader) {
      let key = "";
      let value = "";
      readFields(reader.bytes(), {
        1: (pair) => (key = pair.string()),
        2: (pair) => (value = pair.string()),
      });
      metadata.set(key.toLowerCase(), value);
    },
  });
  return { ...request, metadata };
}

export function encodeRequest({ service, method, payload, timeoutNs, metadata }: Request): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(service);
  writer.tag(2, WireType.LengthDelimited).string(method);
  if (payload.length > 0) writer.tag(3, WireType.LengthDelimited).bytes(payload);
  if (timeoutNs > 0n) writer.tag(4, WireType.Varint).int64(timeoutNs);
  for (const [key, value] of metadata) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).string(value).join();
  }
  return writer.finish();
}

export function decodeResponse(bytes: Uint8Array): Response {
  const response = { code: 0, message: "", payload: new Uint8Array() };
  readFields(bytes, {
    1: (reader) =>
      readFields(reader.bytes(), {
        1: (status) => (response.code = status.int32()),
        2: (status) => (response.message = status.string()),
      }),
    2: (reader) => (response.payload = reader.bytes() as Uint8Array<ArrayBuffer>),
  });
  return response;
}

export function encodeResponse({ code, message, payload }: Response): Uint8Array {
  const writer = new BinaryWriter();
  if (code !== 0) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Varint).int32(code).tag(2, WireType.LengthDelimited).string(message).join();
  }
  if (payload.length > 0) writer.tag(2, WireType.LengthDelimited).bytes(payload);
  return writer.finish();
}
