/** The environment of a container's process. */
import type { ContainerConfig } from "../config.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const keyOf = (entry: string) => {
  const index = entry.indexOf("=");
  return index < 0 ? entry : entry.slice(0, index);
};

/** Overrides replace defaults where they stand and are appended otherwise; an override without `=` removes the default. */
export function overrideEnvironment(defaults: readonly string[], overrides: readonly string[]): string[] {
  const result = new Map(defaults.map((entry) => [keyOf(entry), entry]));
  for (const entry of overrides) {
    if (entry.includes("=")) result.set(keyOf(entry), entry);
    else result.delete(entry);
  }
  return [...result.values()];
}

/** The user's entries first, then those of the image whose names the user did not set. */
export function mergeEnvironment(user: readonly string[], image: readonly string[]): string[] {
  const set = new Set(user.map(keyOf));
  return [...user, ...image.filter((entry) => !set.has(keyOf(entry)))];
}

/**
 * PATH, HOSTNAME and, under a terminal, TERM by default. HOME comes last and only where nobody set it: runc would add it from the
 * image's passwd file; said here, it is the same with every runtime.
 */
export function processEnvironment(config: ContainerConfig, home: string): string[] {
  const defaults = [
    `PATH=${DEFAULT_PATH}`,
    `HOSTNAME=${config.Hostname}`,
    ...(config.Tty ? ["TERM=xterm"] : []),
  ];
  return withHome(overrideEnvironment(defaults, config.Env ?? []), home);
}

export function withHome(environment: readonly string[], home: string): string[] {
  return environment.some((entry) => entry.startsWith("HOME="))
    ? [...environment]
    : [...environment, `HOME=${home}`];
}
