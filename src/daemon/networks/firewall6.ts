/**
 * The IPv6 side of a bridge's firewall: one table `ip6 skiff-<bridge>`, of the same rules as firewall.ts but for published ports, of which IPv6
 * has none.
 */
import type { Cidr6 } from "../../kernel/netlink/ipv6.ts";
import * as match from "../../kernel/nftables/expressions.ts";
import { addChain, addTable, appendRule, deleteTable, forIpv6 } from "../../kernel/nftables/objects.ts";
import type { Nftables } from "../../kernel/nftables/transaction.ts";
import { type FirewallOptions, forwardRules } from "./firewall.ts";

export interface Firewall6 {
  rebuild(): void;
  isIntact(): boolean;
  remove(): void;
}

type Options = Omit<FirewallOptions, "subnet"> & { readonly subnet: Cidr6 };

export function createFirewall6(nftables: Nftables, options: Options): Firewall6 {
  const { bridge, subnet, masquerade, internal } = options;
  const table = `skiff-${bridge}`;
  const clear = () => (nftables.hasTable6(table) ? [deleteTable(table)] : []);
  const behindHost = [...match.leavesNotBy(bridge), ...match.sourceIn6(subnet), ...match.masquerade()];
  return {
    rebuild() {
      const rules = [
        ...forwardRules(options),
        ...(masquerade && !internal ? [["postrouting", behindHost] as const] : []),
      ];
      const requests = [
        ...clear(),
        addTable(table),
        addChain(table, "forward", { type: "filter", hook: "forward", priority: 0 }),
        addChain(table, "postrouting", { type: "nat", hook: "postrouting", priority: 100 }),
        ...rules.map(([chain, expressions]) => appendRule({ table, chain, expressions })),
      ];
      nftables.commit(requests.map(forIpv6));
    },
    isIntact: () => nftables.hasTable6(table),
    remove: () => nftables.commit(clear().map(forIpv6)),
  };
}
