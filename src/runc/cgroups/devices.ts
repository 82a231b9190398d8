/** Device access: the default list that runc adds to every container, v1 lines and the v2 BPF program. */
import type { DeviceRule } from "../../contracts/oci/spec.ts";

const ALWAYS: readonly DeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...[3, 8, 7, 5, 9].map((minor) => ({
    ...{ allow: true, type: "c", major: 1, access: "rwm" },
    minor,
  })),
  { allow: true, type: "c", major: 5, minor: 0, access: "rwm" },
  { allow: true, type: "c", major: 136, access: "rwm" },
  { allow: true, type: "c", major: 5, minor: 2, access: "rwm" },
];

const isWildcard = (rule: DeviceRule): boolean =>
  (rule.type === undefined || rule.type === "a") && rule.major === undefined && rule.minor === undefined;

export interface DevicePolicy {
  /** What holds for a device that no rule names. */
  readonly allowed: boolean;
  /** Later ones win. */
  readonly rules: readonly DeviceRule[];
}

/** A rule for everything makes the ones before it moot. Without any rule nothing is allowed but runc's defaults. */
export function compileDevicePolicy(devices: readonly DeviceRule[] | undefined): DevicePolicy {
  const all = devices ?? [];
  const last = all.findLastIndex(isWildcard);
  const allowed = last >= 0 && all[last]!.allow;
  const rules = all.slice(last + 1);
  return { allowed, rules: allowed ? rules.filter((rule) => !rule.allow) : [...rules, ...ALWAYS] };
}

/** [file, text] writes for the v1 controller. */
export function deviceWritesV1(policy: DevicePolicy): [string, string][] {
  const number = (value: number | undefined): string =>
    value === undefined || value < 0 ? "*" : String(value);
  const writes: [string, string][] = [[policy.allowed ? "devices.allow" : "devices.deny", "a"]];
  for (const rule of policy.rules) {
    const types =
      rule.type === undefined || rule.type === "a" ? ["c", "b"] : [rule.type === "u" ? "c" : rule.type];
    for (const type of types) {
      const line = `${type} ${number(rule.major)}:${number(rule.minor)} ${rule.access || "rwm"}`;
      writes.push([rule.allow ? "devices.allow" : "devices.deny", line]);
    }
  }
  return writes;
}

/* linux/bpf_common.h, linux/bpf.h */
const BPF = {
  loadWord: 0x61,
  andImmediate: 0x54,
  shiftRightImmediate: 0x74,
  moveRegister: 0xbc,
  moveImmediate: 0xb7,
  andRegister: 0x5c,
  jumpNotEqual: 0x55,
  jumpNotEqualRegister: 0x5d,
  jumpEqual: 0x15,
  exit: 0x95,
} as const;
const DEVICE = { b: 1, c: 2 } as const;
const ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ACCESS_ALL = 7;

interface Instruction {
  readonly code: number;
  readonly to: number;
  readonly from: number;
  readonly jump: number;
  readonly value: number;
}

function instruction(code: number, to: number, value = 0, from = 0, jump = 0): Instruction {
  return { code, to, from, jump, value };
}

/** r2 type, r3 access, r4 major, r5 minor (struct bpf_cgroup_dev_ctx); r0 is the answer. */
function ruleProgram(rule: DeviceRule): Instruction[] {
  const access = [...(rule.access || "rwm")].reduce((bits, letter) => bits | (ACCESS[letter] ?? 0), 0);
  const tests: Instruction[] = [];
  if (rule.type === "b" || rule.type === "c" || rule.type === "u") {
    tests.push(instruction(BPF.jumpNotEqual, 2, DEVICE[rule.type === "b" ? "b" : "c"]));
  }
  if (access !== ACCESS_ALL) {
    /* Allowed only when all that is asked is in the rule; denied when any is. */
    tests.push(instruction(BPF.moveRegister, 1, 0, 3), instruction(BPF.andImmediate, 1, access));
    tests.push(
      rule.allow ? instruction(BPF.jumpNotEqualRegister, 1, 0, 3) : instruction(BPF.jumpEqual, 1, 0),
    );
  }
  if (rule.major !== undefined && rule.major >= 0) tests.push(instruction(BPF.jumpNotEqual, 4, rule.major));
  if (rule.minor !== undefined && rule.minor >= 0) tests.push(instruction(BPF.jumpNotEqual, 5, rule.minor));
  const jumps: readonly number[] = [BPF.jumpNotEqual, BPF.jumpNotEqualRegister, BPF.jumpEqual];
  const next = tests.length + 2;
  return [
    ...tests.map((test, at) => (jumps.includes(test.code) ? { ...test, jump: next - at - 1 } : test)),
    instruction(BPF.moveImmediate, 0, rule.allow ? 1 : 0),
    instruction(BPF.exit, 0),
  ];
}

/** BPF_PROG_TYPE_CGROUP_DEVICE: rules from the last to the first, the first that fits decides. */
export function compileDeviceProgram(policy: DevicePolicy): Uint8Array {
  const program = [
    instruction(BPF.loadWord, 2, 0, 1),
    instruction(BPF.moveRegister, 3, 0, 2),
    instruction(BPF.andImmediate, 2, 0xffff),
    instruction(BPF.shiftRightImmediate, 3, 16),
    { ...instruction(BPF.loadWord, 4, 0, 1), jump: 4 },
    { ...instruction(BPF.loadWord, 5, 0, 1), jump: 8 },
    ...policy.rules.toReversed().flatMap(ruleProgram),
    instruction(BPF.moveImmediate, 0, policy.allowed ? 1 : 0),
    instruction(BPF.exit, 0),
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [at, { code, to, from, jump, value }] of program.entries()) {
    bytes[at * 8] = code;
    bytes[at * 8 + 1] = to | (from << 4);
    bytes.writeInt16LE(jump, at * 8 + 2);
    bytes.writeInt32LE(value | 0, at * 8 + 4);
  }
  return bytes;
}
