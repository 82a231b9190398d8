/** A plan as the bytes that skiff-init reads; format drawn in native/README.md. */
import { SkiffError } from "../../lib/errors.ts";
import { ACTORS, type Argument, OPERATIONS, type OperationName, type Plan } from "./ops.ts";

const OPCODES = new Map(Object.keys(OPERATIONS).map((name, code) => [name as OperationName, code]));
const OPERATIONS_MAX = 4096;
const U32_MAX = 0xffff_ffff;

interface Writer {
  bytes: Buffer;
  used: number;
}

function reserve(writer: Writer, size: number): number {
  const at = writer.used;
  writer.used += size;
  if (writer.used > writer.bytes.length) {
    const larger = Buffer.alloc(Math.max(writer.used, writer.bytes.length * 2));
    writer.bytes.copy(larger, 0, 0, at);
    writer.bytes = larger;
  }
  return at;
}

function writeText(writer: Writer, text: string): void {
  if (text.includes("\0")) throw new SkiffError("invalid_argument", "encode plan: NUL in a string");
  /* Room for the longest UTF-8; measuring first would cost a second pass. */
  const at = reserve(writer, 3 * text.length + 1);
  const size = writer.bytes.write(text, at);
  writer.bytes[at + size] = 0;
  writer.used = at + size + 1;
}

function writeArgument(writer: Writer, argument: Argument): void {
  const length = reserve(writer, 4);
  if (typeof argument === "string") writeText(writer, argument);
  else if (typeof argument === "number" && argument >= 0 && argument <= U32_MAX) {
    /* Nearly all of them; BigInt is slow. */
    const at = reserve(writer, 8);
    writer.bytes.writeUInt32LE(argument, at);
    writer.bytes.writeUInt32LE(0, at + 4);
  } else if (typeof argument === "number" || typeof argument === "bigint") {
    const at = reserve(writer, 8);
    writer.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(argument)), at);
  } else if (argument instanceof Uint8Array) {
    const at = reserve(writer, argument.length);
    writer.bytes.set(argument, at);
  } else for (const word of argument) writeText(writer, word);
  writer.bytes.writeUInt32LE(writer.used - length - 4, length);
}

export function encodePlan(plan: Plan): Uint8Array {
  if (plan.operations.length > OPERATIONS_MAX) {
    throw new SkiffError("resource_exhausted", `encode plan: more than ${OPERATIONS_MAX} operations`);
  }
  const writer: Writer = { bytes: Buffer.alloc(65_536), used: 0 };
  const head = reserve(writer, 12);
  writer.bytes.write("SKPL\x01\0", head, "latin1");
  writer.bytes.writeUInt16LE(plan.trace ? 1 : 0, head + 6);
  writer.bytes.writeUInt32LE(plan.operations.length, head + 8);
  for (const operation of plan.operations) {
    const at = reserve(writer, 4);
    writer.bytes[at] = OPCODES.get(operation.name)!;
    writer.bytes[at + 1] = ACTORS.indexOf(operation.actor);
    writer.bytes[at + 2] = operation.args.length + 1;
    writer.bytes[at + 3] = 0;
    writeArgument(writer, operation.text);
    for (const argument of operation.args) writeArgument(writer, argument);
  }
  return writer.bytes.subarray(0, writer.used);
}
