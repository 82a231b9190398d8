/** Values of flags, checked as pflag and docker's own types do, in their words. */
import { messageOf } from "../../lib/errors.ts";
import { UsageError } from "../errors.ts";
import type { Flag } from "../flag.ts";

export const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
export const FALSE = ["0", "f", "F", "false", "FALSE", "False"];
const INT_MAX = 2n ** 63n - 1n;
const UINT16_MAX = 65_535n;

/** Go's message of a number that is none. */
export function numberProblem(
  call: string,
  value: string,
  why: "invalid syntax" | "value out of range",
): string {
  return `strconv.${call}: parsing ${JSON.stringify(value)}: ${why}`;
}

function problemOf({ kind, type, check }: Flag, value: string): string {
  if (kind === "bool" && !TRUE.includes(value) && !FALSE.includes(value))
    return numberProblem("ParseBool", value, "invalid syntax");
  if (kind === "int") {
    if (!/^[+-]?\d+$/.test(value)) return numberProblem("ParseInt", value, "invalid syntax");
    const number = BigInt(value.replace("+", ""));
    if (number > INT_MAX || number < -INT_MAX - 1n)
      return numberProblem("ParseInt", value, "value out of range");
  }
  if (type === "uint16") {
    if (!/^\d+$/.test(value)) return numberProblem("ParseUint", value, "invalid syntax");
    if (BigInt(value) > UINT16_MAX) return numberProblem("ParseUint", value, "value out of range");
  }
  if (type === "filter" && value !== "" && !value.includes("="))
    return "bad format of filter (expected name=value)";
  try {
    check?.(value);
  } catch (error) {
    return messageOf(error);
  }
  return "";
}

/** `shown`: as the flag's names are told, `-m, --memory`. @throws UsageError */
export function checkValue(flag: Flag, shown: string, value: string): void {
  const problem = problemOf(flag, value);
  if (problem !== "")
    throw new UsageError(
      `invalid argument ${JSON.stringify(value)} for ${JSON.stringify(shown)} flag: ${problem}`,
    );
}
