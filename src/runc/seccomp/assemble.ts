/** Classic BPF (linux/filter.h) of decisions: every piece of code ends in a return, so pieces are joined by jumps over them. */

interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly value: number;
}
export type Code = readonly Instruction[];

const BPF = {
  load: 0x20,
  and: 0x54,
  jump: 0x05,
  equal: 0x15,
  greater: 0x25,
  greaterEqual: 0x35,
  return: 0x06,
} as const;
/* struct seccomp_data { int nr; u32 arch; u64 instruction_pointer; u64 args[6]; } */
const DATA = { number: 0, architecture: 4, arguments: 16 } as const;
const JUMP_MAX = 255;

export const OPERATORS = {
  SCMP_CMP_NE: "ne",
  SCMP_CMP_LT: "lt",
  SCMP_CMP_LE: "le",
  SCMP_CMP_EQ: "eq",
  SCMP_CMP_GE: "ge",
  SCMP_CMP_GT: "gt",
  SCMP_CMP_MASKED_EQ: "eq",
} as const as Readonly<Record<string, "ne" | "lt" | "le" | "eq" | "ge" | "gt">>;

export interface Condition {
  readonly index: number;
  readonly operator: "ne" | "lt" | "le" | "eq" | "ge" | "gt";
  readonly mask: bigint | undefined;
  readonly value: bigint;
}

export interface Decision {
  readonly conditional: readonly { readonly conditions: readonly Condition[]; readonly action: number }[];
  readonly action: number;
}

/** From this number to the next range. */
export interface Range {
  readonly from: number;
  readonly decision: Decision;
}

const step = (code: number, value: number, yes = 0, no = 0): Instruction => ({ code, yes, no, value });

export function returnCode(action: number): Code {
  return [step(BPF.return, action)];
}

/** `test`, then `no` where it fails, `yes` where it holds; both end in a return, and may be long. */
function branch(test: number, value: number, yes: Code, no: Code): Code {
  if (no.length <= JUMP_MAX) return [step(test, value, no.length, 0), ...no, ...yes];
  return [step(test, value, 0, 1), step(BPF.jump, no.length), ...no, ...yes];
}

/** Binary search on the loaded system call number. */
export function treeCode(ranges: readonly Range[], leaf: (decision: Decision) => Code): Code {
  if (ranges.length === 1) return leaf(ranges[0]!.decision);
  const middle = ranges.length >> 1;
  const below = treeCode(ranges.slice(0, middle), leaf);
  return branch(BPF.greaterEqual, ranges[middle]!.from, treeCode(ranges.slice(middle), leaf), below);
}

/** 64 bits in two halves: the high one decides unless it is equal. */
function conditionCode({ index, operator, mask, value }: Condition, holds: Code, fails: Code): Code {
  const offset = DATA.arguments + 8 * index;
  const half = (high: boolean): Code => {
    const load = step(BPF.load, offset + (high ? 4 : 0));
    if (mask === undefined) return [load];
    return [load, step(BPF.and, Number((mask >> (high ? 32n : 0n)) & 0xffff_ffffn))];
  };
  const high = Number(value >> 32n);
  const low = Number(value & 0xffff_ffffn);
  const lowTests = {
    eq: () => branch(BPF.equal, low, holds, fails),
    ne: () => branch(BPF.equal, low, fails, holds),
    gt: () => branch(BPF.greater, low, holds, fails),
    le: () => branch(BPF.greater, low, fails, holds),
    ge: () => branch(BPF.greaterEqual, low, holds, fails),
    lt: () => branch(BPF.greaterEqual, low, fails, holds),
  };
  const rest = [...half(false), ...lowTests[operator]()];
  const bigger = operator === "gt" || operator === "ge" || operator === "ne" ? holds : fails;
  const smaller = operator === "lt" || operator === "le" || operator === "ne" ? holds : fails;
  if (bigger === smaller) return [...half(true), ...branch(BPF.equal, high, rest, bigger)];
  return [...half(true), ...branch(BPF.equal, high, rest, branch(BPF.greater, high, bigger, smaller))];
}

/** Rules in order; what no rule takes falls to the call's own action. */
export function decisionCode({ conditional, action }: Decision): Code {
  return conditional.reduceRight<Code>(
    (otherwise, rule) =>
      rule.conditions.reduceRight<Code>(
        (holds, condition) => conditionCode(condition, holds, otherwise),
        returnCode(rule.action),
      ),
    returnCode(action),
  );
}

export interface Block {
  readonly audit: number;
  readonly code: Code;
}

/** The whole filter: architecture first, then its tree. */
export function assemble(blocks: readonly Block[], foreign: Code): Uint8Array {
  const body = blocks.reduceRight<Code>(
    (otherwise, { audit, code }) =>
      branch(BPF.equal, audit, [step(BPF.load, DATA.number), ...code], otherwise),
    foreign,
  );
  const program = [step(BPF.load, DATA.architecture), ...body];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [at, { code, yes, no, value }] of program.entries()) {
    bytes.writeUInt16LE(code, at * 8);
    bytes[at * 8 + 2] = yes;
    bytes[at * 8 + 3] = no;
    bytes.writeUInt32LE(value >>> 0, at * 8 + 4);
  }
  return bytes;
}
