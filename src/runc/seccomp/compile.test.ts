/** Filters are judged by what they answer: ours and libseccomp's are both executed on system calls and arguments. */

import { dlopen, FFIType, ptr } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { Seccomp, SeccompArg, SeccompRule } from "../../contracts/oci/spec.ts";
import { compileSeccomp } from "./compile.ts";
import { architectureOf, syscallsOf } from "./syscalls.ts";

const { i32, u32, pointer } = FFIType;
const library = dlopen("libseccomp.so.2", {
  seccomp_init: { args: [u32], returns: pointer },
  seccomp_release: { args: [pointer], returns: FFIType.void },
  seccomp_rule_add_array: { args: [pointer, u32, i32, u32, pointer], returns: i32 },
  seccomp_export_bpf: { args: [pointer, i32], returns: i32 },
}).symbols;

const X86_64 = 0xc000_003e;
const ALLOW = 0x7fff_0000;
const ERRNO_EPERM = 0x0005_0001;
const ERRNO_ENOSYS = 0x0005_0026;
const KILL = 0;
const OPERATOR_NUMBERS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

interface CallData {
  readonly number: number;
  readonly audit: number;
  readonly args: readonly bigint[];
}

/** Classic BPF as the kernel runs it on struct seccomp_data. */
function evaluate(program: Uint8Array, call: CallData): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number, 0);
  data.writeUInt32LE(call.audit, 4);
  for (const [at, value] of call.args.entries()) data.writeBigUInt64LE(value, 16 + 8 * at);
  const code = Buffer.from(program);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const operation = code.readUInt16LE(at * 8);
    const [yes, no, value] = [code[at * 8 + 2]!, code[at * 8 + 3]!, code.readUInt32LE(at * 8 + 4)];
    if (operation === 0x20) accumulator = data.readUInt32LE(value);
    else if (operation === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (operation === 0x05) at += value;
    else if (operation === 0x15) at += accumulator === value ? yes : no;
    else if (operation === 0x25) at += accumulator > value ? yes : no;
    else if (operation === 0x35) at += accumulator >= value ? yes : no;
    else if (operation === 0x06) return value;
    else throw new Error(`unknown instruction ${operation} at ${at}`);
  }
}

function oracle(rules: readonly SeccompRule[], names: ReadonlyMap<string, number>): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "skiff-seccomp-"));
  const context = library.seccomp_init(ERRNO_EPERM);
  try {
    for (const rule of rules) {
      const args = Buffer.alloc(Math.max(24, 24 * (rule.args?.length ?? 0)));
      for (const [at, arg] of (rule.args ?? []).entries()) {
        args.writeUInt32LE(arg.index, at * 24);
        args.writeUInt32LE(OPERATOR_NUMBERS.indexOf(arg.op.replace("SCMP_CMP_", "")) + 1, at * 24 + 4);
        args.writeBigUInt64LE(BigInt(arg.value), at * 24 + 8);
        args.writeBigUInt64LE(BigInt(arg.valueTwo ?? 0), at * 24 + 16);
      }
      for (const name of rule.names) {
        const count = rule.args?.length ?? 0;
        const failed = library.seccomp_rule_add_array(context, ALLOW, names.get(name)!, count, ptr(args));
        if (failed !== 0) throw new Error(`libseccomp refuses ${JSON.stringify(rule)}: ${failed}`);
      }
    }
    const fd = openSync(join(directory, "bpf"), "w");
    library.seccomp_export_bpf(context, fd);
    closeSync(fd);
    return readFileSync(join(directory, "bpf"));
  } finally {
    library.seccomp_release(context);
    rmSync(directory, { recursive: true });
  }
}

const names = syscallsOf(architectureOf("SCMP_ARCH_X86_64")!);
const known = [...names.keys()].filter((name) => names.get(name)! <= 440);
const values = [0, 1, 2, 3, 16, 40, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001, 0x7e02_0000, 2 ** 52];

/** What is to be left must lie in the mask: libseccomp gives nonsense a meaning of its own. */
const arg: fc.Arbitrary<SeccompArg> = fc
  .record({
    index: fc.nat(5),
    value: fc.constantFrom(...values),
    valueTwo: fc.constantFrom(0, 1, 16, 0x1_0000_0000),
    op: fc.constantFrom(...OPERATOR_NUMBERS.map((name) => `SCMP_CMP_${name}`)),
  })
  .map((one) => ({ ...one, valueTwo: Number(BigInt(one.value) & BigInt(one.valueTwo)) }));
const rule: fc.Arbitrary<SeccompRule> = fc.record({
  names: fc.uniqueArray(fc.constantFrom(...known), { minLength: 1, maxLength: 60 }),
  action: fc.constant("SCMP_ACT_ALLOW"),
  args: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    fc.uniqueArray(arg, { maxLength: 3, selector: ({ index }) => index }),
  ),
});

describe("compileSeccomp", () => {
  test("answers as libseccomp's filter does", () => {
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 6 }),
        fc.array(fc.constantFrom(...values), { minLength: 6, maxLength: 6 }),
        (syscalls, sample) => {
          const seccomp: Seccomp = {
            defaultAction: "SCMP_ACT_ERRNO",
            architectures: ["SCMP_ARCH_X86_64"],
            syscalls,
          };
          const ours = compileSeccomp(seccomp).program;
          const theirs = oracle(syscalls, names);
          const last = Math.max(-1, ...syscalls.flatMap((one) => one.names.map((name) => names.get(name)!)));
          for (let number = 0; number <= last; number++) {
            const call = { number, audit: X86_64, args: sample.map(BigInt) };
            if (evaluate(ours, call) !== evaluate(theirs, call)) return false;
          }
          return true;
        },
      ),
      { numRuns: 60 },
    );
  });

  const filter = (syscalls: readonly SeccompRule[], architectures = ["SCMP_ARCH_X86_64"]) => {
    const { program } = compileSeccomp({ defaultAction: "SCMP_ACT_ERRNO", architectures, syscalls });
    return (name: string | number, args: readonly number[] = [], audit = X86_64): number =>
      evaluate(program, {
        number: typeof name === "number" ? name : names.get(name)!,
        audit,
        args: [0, 1, 2, 3, 4, 5].map((at) => BigInt(args[at] ?? 0)),
      });
  };

  test("two conditions on one argument are alternatives, as in runc", () => {
    const not = (value: number): SeccompArg => ({ index: 0, value, op: "SCMP_CMP_EQ" });
    const answer = filter([{ names: ["socket"], action: "SCMP_ACT_ALLOW", args: [not(1), not(2)] }]);
    expect([0, 1, 2, 3].map((family) => answer("socket", [family]))).toEqual([
      ERRNO_EPERM,
      ALLOW,
      ALLOW,
      ERRNO_EPERM,
    ]);
  });

  test("a call newer than the profile answers ENOSYS, a foreign architecture is killed", () => {
    const answer = filter([{ names: ["read", "openat2"], action: "SCMP_ACT_ALLOW" }]);
    expect(answer("read")).toBe(ALLOW);
    expect(answer("write")).toBe(ERRNO_EPERM);
    expect(answer("openat2")).toBe(ALLOW);
    expect(answer(names.get("openat2")! + 1)).toBe(ERRNO_ENOSYS);
    expect(answer(3, [], 0x4000_0003)).toBe(KILL);
    expect(answer(0x4000_0000)).toBe(KILL);
  });

  test("32-bit and x32 calls have their own numbers", () => {
    const architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
    const answer = filter([{ names: ["execve", "socketcall"], action: "SCMP_ACT_ALLOW" }], architectures);
    expect(answer("execve")).toBe(ALLOW);
    expect(answer(11, [], 0x4000_0003)).toBe(ALLOW);
    expect(answer(102, [], 0x4000_0003)).toBe(ALLOW);
    expect(answer(0x4000_0000 + 520)).toBe(ALLOW);
    expect(answer(0x4000_0000 + 59)).toBe(ERRNO_EPERM);
  });

  test("the errno of a rule, and unknown actions", () => {
    const answer = filter([
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      { names: ["read"], action: "SCMP_ACT_TRAP" },
    ]);
    expect(answer("clone3")).toBe(ERRNO_ENOSYS);
    expect(answer("read")).toBe(0x0003_0000);
    expect(() => compileSeccomp({ defaultAction: "SCMP_ACT_MAYBE" })).toThrow("not supported");
  });
});
