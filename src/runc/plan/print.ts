/** A plan for people: one kernel operation a line, in the order of execution. */
import type { Argument, Operation, Plan } from "./ops.ts";

function printArgument(argument: Argument): string {
  if (argument instanceof Uint8Array) return `<${argument.length} bytes>`;
  if (typeof argument === "number" || typeof argument === "bigint") {
    return argument < 4096 ? String(argument) : `0x${BigInt(argument).toString(16)}`;
  }
  return JSON.stringify(argument);
}

function printOperation(operation: Operation): string {
  const words = [operation.actor.padEnd(5), operation.name, ...operation.args.map(printArgument)];
  return words.join(" ");
}

export function printPlan(plan: Plan): string {
  return plan.operations
    .filter((operation) => operation.name !== "say")
    .map((operation) => `${printOperation(operation)}\n`)
    .join("");
}
