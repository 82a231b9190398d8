/** Text of a container's /etc/hosts and /etc/resolv.conf. */

import { SkiffError } from "../../lib/errors.ts";
import { needsNames, parseLink } from "./endpoints.ts";
import { hostsText } from "./hosts.ts";
import type { Attachment, DnsOptions } from "./network.ts";
import { internalResolvConf, resolvConfText } from "./resolv-conf.ts";

export interface HostFiles {
  /** The host's resolv.conf: what is in the file, and what a container can use of it (see `hostResolvConf`). */
  plainResolvConf(): string;
  resolvConf(): string;
  hosts(): string;
}

export function mergeDns(own: DnsOptions, daemon: DnsOptions): DnsOptions {
  const pick = (key: keyof DnsOptions) => (own[key].length > 0 ? own[key] : daemon[key]);
  return { servers: pick("servers"), search: pick("search"), options: pick("options") };
}

type ForFiles = Pick<
  Attachment,
  "mode" | "endpoints" | "dns" | "extraHosts" | "linked" | "hostname" | "domainname"
>;

export function resolvConfOf(files: HostFiles, attachment: ForFiles, daemon: DnsOptions): string {
  const dns = mergeDns(attachment.dns, daemon);
  if (needsNames(attachment)) return internalResolvConf(files.plainResolvConf(), dns);
  return resolvConfText(files.resolvConf(), dns, attachment.mode === "host");
}

/** @param gateway what `host-gateway` stands for */
export function hostsOf(attachment: ForFiles, gateway: string): string {
  const ips = attachment.endpoints.flatMap(({ ip, ip6 }) => [ip, ip6]).filter((ip) => ip !== "");
  return hostsText({ ...attachment, gateway, ips });
}

/**
 * Lines of `--link` on the default bridge: address, then alias, hostname and name.
 * @throws conflict when the other does not run
 */
export function linkedHosts(
  links: readonly string[],
  name: string,
  find: (name: string) => Attachment | undefined,
): (readonly [string, string])[] {
  return links.map(parseLink).map(([target, alias]) => {
    const other = find(target);
    const ip = other?.endpoints.find(({ network }) => network === "bridge")?.ip;
    if (other === undefined || ip === undefined)
      throw new SkiffError(
        "conflict",
        `Cannot link to a non running container: /${target} AS /${name}/${alias}`,
      );
    const names = [...new Set([alias, other.hostname, other.name])];
    return [ip, names.join(" ")] as const;
  });
}
