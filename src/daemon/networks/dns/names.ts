/** Who is called what in which network, and what a container may see of it: as libnetwork's Sandbox.ResolveName. */
import type { Attachment, Endpoint } from "../network.ts";

/** Labels of a name that are tried as a network's name at most. */
const LABELS_MAX = 32;

export class NameIndex {
  /** network → name in lower case → addresses of both families */
  readonly #addresses = new Map<string, Map<string, readonly string[]>>();
  /** network → address → name */
  readonly #names = new Map<string, Map<string, string>>();

  add({ networkId, ip, ip6, dnsNames }: Endpoint): void {
    if (ip === "" || dnsNames.length === 0) return;
    const own = [ip, ip6].filter((one) => one !== "");
    const addresses = inner(this.#addresses, networkId);
    for (const name of keysOf(dnsNames)) addresses.set(name, [...(addresses.get(name) ?? []), ...own]);
    for (const one of own) inner(this.#names, networkId).set(one, dnsNames[0]!);
  }

  remove({ networkId, ip, ip6, dnsNames }: Endpoint): void {
    const addresses = this.#addresses.get(networkId);
    for (const name of keysOf(dnsNames)) {
      const left = (addresses?.get(name) ?? []).filter((other) => other !== ip && other !== ip6);
      if (left.length > 0) addresses?.set(name, left);
      else addresses?.delete(name);
    }
    for (const one of [ip, ip6]) this.#names.get(networkId)?.delete(one);
    for (const map of [this.#addresses, this.#names])
      if (map.get(networkId)?.size === 0) map.delete(networkId);
  }

  addresses(networkId: string, name: string): readonly string[] {
    return this.#addresses.get(networkId)?.get(name.toLowerCase()) ?? [];
  }

  name(networkId: string, ip: string): string | undefined {
    return this.#names.get(networkId)?.get(ip);
  }
}

function inner<T>(outer: Map<string, Map<string, T>>, key: string): Map<string, T> {
  const found = outer.get(key) ?? new Map<string, T>();
  outer.set(key, found);
  return found;
}

const keysOf = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()));

/** A name may end in a network's name, both of which may have dots: every split, the whole name first. */
function splits(name: string): readonly (readonly [name: string, network: string])[] {
  const labels = name.split(".");
  const found: (readonly [string, string])[] = [[name, ""]];
  for (let at = labels.length - 1; at > 0 && found.length < LABELS_MAX; at--)
    found.push([labels.slice(0, at).join("."), labels.slice(at).join(".")]);
  return found;
}

function linked({ links }: Endpoint, name: string): string | undefined {
  return Object.hasOwn(links, name) ? links[name] : undefined;
}

/** Addresses of a name as this container sees it; undefined: it is none of ours. */
export function resolveName(index: NameIndex, of: Attachment, name: string): readonly string[] | undefined {
  for (const [host, network] of splits(name)) {
    const endpoints = of.endpoints.filter((one) => network === "" || one.network === network);
    for (const endpoint of endpoints) {
      const target = linked(endpoint, host);
      const addresses = target === undefined ? [] : index.addresses(endpoint.networkId, target);
      if (addresses.length > 0) return addresses;
    }
    for (const endpoint of endpoints) {
      const addresses = index.addresses(endpoint.networkId, host);
      if (addresses.length > 0) return addresses;
    }
  }
  return undefined;
}

/** `name.network` of an address in one of the container's networks. */
export function resolveAddress(index: NameIndex, of: Attachment, ip: string): string | undefined {
  for (const { networkId, network } of of.endpoints) {
    const name = index.name(networkId, ip);
    if (name !== undefined) return `${name}.${network}`;
  }
  return undefined;
}
