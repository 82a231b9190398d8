import { describe, expect, test } from "bun:test";
import type { Seccomp, SeccompArg } from "../../contracts/oci/spec.ts";
import { DEFAULT_CAPABILITIES } from "./capabilities.ts";
import { customSeccomp, defaultSeccomp } from "./seccomp.ts";

const FACTS = { architecture: "amd64", kernel: [6, 1] } as const;

function holds({ index, value, valueTwo = 0, op }: SeccompArg, args: readonly number[]): boolean {
  const arg = args[index] ?? 0;
  if (op === "SCMP_CMP_EQ") return arg === value;
  if (op === "SCMP_CMP_LT") return arg < value;
  if (op === "SCMP_CMP_GT") return arg > value;
  if (op === "SCMP_CMP_MASKED_EQ") return (arg & value) === valueTwo;
  throw new Error(op);
}

/** What the filter does with a call: conditions of a rule are AND-ed, rules are alternatives. */
function verdict(profile: Seccomp, name: string, ...args: number[]): string {
  const rule = profile.syscalls!.find(
    ({ names, args: conditions = [] }) => names.includes(name) && conditions.every((arg) => holds(arg, args)),
  );
  return rule === undefined ? profile.defaultAction : rule.action;
}

const profile = defaultSeccomp(DEFAULT_CAPABILITIES, FACTS);
const ALLOW = "SCMP_ACT_ALLOW";
const REFUSE = "SCMP_ACT_ERRNO";

describe("the default profile", () => {
  test.each(["read", "execve", "openat2", "futex", "ptrace", "arch_prctl", "chroot", "clone"])(
    "lets %s through",
    (name) => {
      expect(verdict(profile, name)).toBe(ALLOW);
    },
  );
  test.each(
    "mount umount2 setns unshare fsopen fsconfig keyctl add_key request_key bpf userfaultfd open_by_handle_at perf_event_open reboot init_module io_uring_setup kexec_load clone3 pivot_root settimeofday syslog".split(
      " ",
    ),
  )("refuses %s", (name) => {
    expect(verdict(profile, name)).toBe(REFUSE);
  });
  test("AF_ALG and AF_VSOCK are refused, their neighbours are not (CVE-2026-31431)", () => {
    for (const family of [38, 40]) expect(verdict(profile, "socket", family)).toBe(REFUSE);
    for (const family of [1, 2, 10, 16, 37, 39, 41]) expect(verdict(profile, "socket", family)).toBe(ALLOW);
  });
  test("clone makes no namespaces", () => {
    for (const flag of [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])
      expect(verdict(profile, "clone", flag)).toBe(REFUSE);
    expect(verdict(profile, "clone", 0x11)).toBe(ALLOW);
  });
  test("clone3 answers ENOSYS, so that libc falls back", () => {
    expect(profile.syscalls!.find(({ names }) => names.includes("clone3"))!.errnoRet).toBe(38);
  });
  test("personalities", () => {
    expect(verdict(profile, "personality", 0xffff_ffff)).toBe(ALLOW);
    expect(verdict(profile, "personality", 0x40000)).toBe(REFUSE);
  });
});

test("capabilities open what is theirs", () => {
  const admin = defaultSeccomp([...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN"], FACTS);
  for (const name of ["mount", "unshare", "clone3", "bpf"]) expect(verdict(admin, name)).toBe(ALLOW);
  expect(verdict(admin, "clone", 0x10000000)).toBe(ALLOW);
  expect(verdict(admin, "reboot")).toBe(REFUSE);
});

test("the same capabilities give the same object", () => {
  expect(defaultSeccomp([...DEFAULT_CAPABILITIES].reverse(), FACTS)).toBe(profile);
});

test("profiles in Docker's format", () => {
  const json = JSON.stringify({
    defaultAction: "SCMP_ACT_ALLOW",
    archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
    syscalls: [
      { name: "chmod", action: "SCMP_ACT_ERRNO" },
      { names: ["mount"], action: "SCMP_ACT_ERRNO", excludes: { caps: ["CAP_SYS_ADMIN"] } },
      { names: ["reboot"], action: "SCMP_ACT_ERRNO", includes: { caps: ["CAP_SYS_BOOT"] } },
      { names: ["ptrace"], action: "SCMP_ACT_ERRNO", includes: { minKernel: "9.0" } },
    ],
  });
  const custom = customSeccomp(json, ["CAP_CHOWN"], FACTS)!;
  expect(custom.architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
  expect(custom.syscalls!.flatMap(({ names }) => names)).toEqual(["chmod", "mount"]);
  expect(customSeccomp("{}", [], FACTS)).toBeUndefined();
  expect(() => customSeccomp("{", [], FACTS)).toThrow("decoding seccomp profile failed");
  expect(() => customSeccomp("[]", [], FACTS)).toThrow("decoding seccomp profile failed");
});
