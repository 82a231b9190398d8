/** AppArmor: which profile a container runs under, and Docker's default profile, loaded when the kernel has not got it. */
import { readFileSync } from "node:fs";
import { SkiffError } from "../../lib/errors.ts";

export const DEFAULT_PROFILE = "docker-default";
const PROFILES = "/sys/kernel/security/apparmor/profiles";

export interface AppArmor {
  readonly enabled: boolean;
  isLoaded(profile: string): boolean;
  /** @throws failed_precondition when the kernel enforces AppArmor and the profile cannot be loaded: fail closed. */
  loadDefault(): void;
}

/**
 * Docker's rules for its default profile: everything but mounting, writing to /proc/sys and friends, and tracing or signalling others.
 * Written for the kernel's parser (`apparmor_parser`), which is the only compiler of profiles there is.
 */
export function defaultProfileSource(): string {
  const proc = "@{PROC}";
  return `#include <tunables/global>
profile ${DEFAULT_PROFILE} flags=(attach_disconnected,mediate_deleted) {
  #include <abstractions/base>
  network,
  deny network alg,
  deny network vsock,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send,receive) peer=${DEFAULT_PROFILE},
  deny ${proc}/* w,
  deny ${proc}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w,
  deny ${proc}/sys/[^k]** w,
  deny ${proc}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny ${proc}/sysrq-trigger rwklx,
  deny ${proc}/kcore rwklx,
  deny mount,
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
  ptrace (trace,tracedby,read,readby) peer=${DEFAULT_PROFILE},
}
`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export function hostAppArmor(): AppArmor {
  const enabled = readText("/sys/module/apparmor/parameters/enabled").startsWith("Y");
  const isLoaded = (profile: string) =>
    readText(PROFILES)
      .split("\n")
      .some((line) => line.startsWith(`${profile} (`));
  return {
    enabled,
    isLoaded,
    loadDefault() {
      if (!enabled || isLoaded(DEFAULT_PROFILE)) return;
      const parser = Bun.which("apparmor_parser", { PATH: "/usr/sbin:/sbin:/usr/bin:/bin" });
      const problem = (why: string) =>
        new SkiffError("failed_precondition", `load AppArmor profile ${DEFAULT_PROFILE}: ${why}`);
      if (parser === null) throw problem("apparmor_parser is not installed");
      const outcome = Bun.spawnSync([parser, "-Kr"], { stdin: Buffer.from(defaultProfileSource()) });
      if (outcome.exitCode !== 0) throw problem(outcome.stderr.toString().trim());
    },
  };
}

/** The profile for `process.apparmorProfile`: "" where the kernel has no AppArmor. */
export function resolveAppArmor(apparmor: AppArmor, asked: string, privileged: boolean): string {
  if (!apparmor.enabled) return "";
  const profile = asked !== "" ? asked : privileged ? "unconfined" : DEFAULT_PROFILE;
  if (profile === DEFAULT_PROFILE) apparmor.loadDefault();
  return profile;
}
