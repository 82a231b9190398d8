/** `RegistryConfig` of `docker info`. */
import type { Info } from "../../contracts/engine/system.ts";

const LOOPBACK = ["::1/128", "127.0.0.0/8"];

export function registryView(
  insecure: readonly string[],
  mirrors: readonly string[],
): Info["RegistryConfig"] {
  const withSlash = mirrors.map((mirror) => (mirror.endsWith("/") ? mirror : `${mirror}/`));
  const isCidr = (word: string) => word.includes("/");
  const hub = { Mirrors: withSlash, Name: "docker.io", Official: true, Secure: true };
  const others = insecure
    .filter((word) => !isCidr(word))
    .map((Name) => [Name, { Mirrors: [], Name, Official: false, Secure: false }]);
  return {
    IndexConfigs: { "docker.io": hub, ...Object.fromEntries(others) },
    InsecureRegistryCIDRs: [...insecure.filter(isCidr), ...LOOPBACK],
    Mirrors: withSlash.length === 0 ? null : withSlash,
  };
}
