/** A container's seccomp profile: Docker's default, one of the user's own in Docker's JSON, or none. */
import { release } from "node:os";
import type { Seccomp, SeccompRule } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import {
  ALLOWED,
  ARCHITECTURE_CALLS,
  ARCHITECTURES,
  CALLS_SINCE_4_8,
  CAPABILITY_CALLS,
  CLONE_ARGUMENT,
  CONDITIONAL,
  ENOSYS,
  EPERM,
} from "./seccomp-table.ts";

export interface SeccompFacts {
  /** Go's name: amd64, arm64. */
  readonly architecture: string;
  /** Major and minor number of the kernel. */
  readonly kernel: readonly [number, number];
}

export function hostSeccompFacts(): SeccompFacts {
  const [major = 0, minor = 0] = release()
    .split(".")
    .map((part) => Number.parseInt(part, 10));
  return { architecture: process.arch === "x64" ? "amd64" : process.arch, kernel: [major, minor] };
}

function isAtLeast(kernel: readonly [number, number], major: number, minor: number): boolean {
  return kernel[0] > major || (kernel[0] === major && kernel[1] >= minor);
}

const ALLOW = "SCMP_ACT_ALLOW";
const cache = new Map<string, Seccomp>();

/**
 * The default profile for these capabilities (bounding set). The same capabilities give the same frozen object, so that whoever compiles
 * or serialises it can keep the result.
 */
export function defaultSeccomp(capabilities: readonly string[], facts: SeccompFacts): Seccomp {
  const key = `${facts.architecture} ${facts.kernel.join(".")} ${capabilities.toSorted().join(" ")}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const names = new Set([...ALLOWED, ...(ARCHITECTURE_CALLS[facts.architecture] ?? [])]);
  if (isAtLeast(facts.kernel, 4, 8)) for (const name of CALLS_SINCE_4_8) names.add(name);
  for (const capability of capabilities) {
    for (const name of CAPABILITY_CALLS[capability]?.split(" ") ?? []) names.add(name);
  }
  const rules: SeccompRule[] = [
    { names: [...names].sort(), action: ALLOW },
    ...CONDITIONAL.map(({ name, arg }) => ({ names: [name], action: ALLOW, args: [arg] })),
  ];
  if (!capabilities.includes("CAP_SYS_ADMIN")) {
    rules.push({ names: ["clone"], action: ALLOW, args: [CLONE_ARGUMENT] });
    rules.push({ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS });
  }
  const profile = Object.freeze({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: ARCHITECTURES[facts.architecture] ?? [],
    syscalls: rules,
  });
  if (cache.size < 64) cache.set(key, profile);
  return profile;
}

/** Docker's own profile format: OCI's, with conditions on rules and a map of architectures. */
interface CustomRule extends Partial<SeccompRule> {
  readonly name?: string;
  readonly includes?: Conditions;
  readonly excludes?: Conditions;
}

interface Conditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface CustomProfile extends Omit<Seccomp, "syscalls"> {
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[];
  }[];
  readonly syscalls?: readonly CustomRule[];
}

function applies(rule: CustomRule, capabilities: readonly string[], facts: SeccompFacts): boolean {
  const reached = (version: string) => {
    const [major = 0, minor = 0] = version.split(".").map(Number);
    return isAtLeast(facts.kernel, major, minor);
  };
  const { includes = {}, excludes = {} } = rule;
  if (excludes.caps?.some((name) => capabilities.includes(name))) return false;
  if (excludes.arches?.includes(facts.architecture)) return false;
  if (excludes.minKernel !== undefined && reached(excludes.minKernel)) return false;
  if (!(includes.caps ?? []).every((name) => capabilities.includes(name))) return false;
  if (includes.arches?.length && !includes.arches.includes(facts.architecture)) return false;
  return includes.minKernel === undefined || reached(includes.minKernel);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The OCI profile of `--security-opt seccomp=<json>`; undefined when the document switches seccomp off (no default action and no rules).
 * @throws invalid_argument in Docker's words for text that is not a profile.
 */
export function customSeccomp(
  json: string,
  capabilities: readonly string[],
  facts: SeccompFacts,
): Seccomp | undefined {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (cause) {
    throw new SkiffError("invalid_argument", `decoding seccomp profile failed: ${String(cause)}`);
  }
  if (!isObject(document))
    throw new SkiffError("invalid_argument", "decoding seccomp profile failed: not an object");
  const { archMap, syscalls = [], ...profile } = document as unknown as CustomProfile;
  if ((profile.defaultAction ?? "") === "" && syscalls.length === 0) return undefined;
  if (archMap?.length && profile.architectures?.length) {
    const both = "both 'architectures' and 'archMap' are specified in the seccomp profile";
    throw new SkiffError("invalid_argument", `${both}, use either 'architectures' or 'archMap'`);
  }
  const native = ARCHITECTURES[facts.architecture]?.[0];
  const mapped = archMap?.find((entry) => entry.architecture === native);
  const architectures =
    mapped === undefined ? profile.architectures : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  const rules = syscalls
    .filter((rule) => applies(rule, capabilities, facts))
    .map(({ name, names, action = "", errnoRet, args }) => ({
      names: names ?? (name === undefined ? [] : [name]),
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args === undefined || args === null ? {} : { args }),
    }));
  return { ...profile, ...(architectures === undefined ? {} : { architectures }), syscalls: rules };
}
