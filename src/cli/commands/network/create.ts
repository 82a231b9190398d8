/** `skiff network create` */
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list, text } from "../../command.ts";
import { pairsOf } from "../container/values.ts";
import { ipamConfigs } from "./ipam.ts";

const split = (values: readonly string[]) => values.flatMap((value) => value.split(","));

export const command: Command = {
  usage: "[OPTIONS] NETWORK",
  summary: "Create a network",
  flags: [
    bool("attachable", "Enable manual container attachment"),
    list("aux-address", "Auxiliary IPv4 or IPv6 addresses used by Network driver", { type: "map" }),
    text("config-from", "The network from which to copy the configuration"),
    bool("config-only", "Create a configuration only network"),
    text("driver", "Driver to manage the Network", { short: "d", default: "bridge" }),
    list("gateway", "IPv4 or IPv6 Gateway for the master subnet", { type: "strings" }),
    bool("ingress", "Create swarm routing-mesh network"),
    bool("internal", "Restrict external access to the network"),
    list("ip-range", "Allocate container ip from a sub-range", { type: "strings" }),
    text("ipam-driver", "IP Address Management Driver", { default: "default" }),
    list("ipam-opt", "Set IPAM driver specific options", { type: "map" }),
    bool("ipv4", "Enable or disable IPv4 address assignment", undefined, "true"),
    bool("ipv6", "Enable or disable IPv6 address assignment"),
    list("label", "Set metadata on a network"),
    list("opt", "Set driver specific options", { short: "o", type: "map" }),
    text("scope", "Control the network's scope"),
    list("subnet", "Subnet in CIDR format that represents a network segment", { type: "strings" }),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const configs = ipamConfigs(
      split(context.list("subnet")),
      split(context.list("ip-range")),
      split(context.list("gateway")),
      pairsOf(context.list("aux-address")),
    );
    const from = context.text("config-from");
    const json = {
      ...{ Name: context.words[0]!, Driver: context.text("driver"), Options: pairsOf(context.list("opt")) },
      IPAM: {
        Driver: context.text("ipam-driver"),
        Options: pairsOf(context.list("ipam-opt")),
        Config: configs,
      },
      ...{ Internal: context.bool("internal"), Attachable: context.bool("attachable") },
      ...{ Ingress: context.bool("ingress"), Scope: context.text("scope") },
      ...{ ConfigOnly: context.bool("config-only"), Labels: pairsOf(context.list("label")) },
      ...(context.given("ipv4") ? { EnableIPv4: context.bool("ipv4") } : {}),
      ...(context.given("ipv6") ? { EnableIPv6: context.bool("ipv6") } : {}),
      ...(from === "" ? {} : { ConfigFrom: { Network: from } }),
    };
    const { Id, Warning = "" } = await context.client.post<{ Id: string; Warning?: string }>(
      "/networks/create",
      {
        json,
      },
    );
    if (Warning !== "") writeStderr(`WARNING: ${Warning}\n`);
    writeStdout(`${Id}\n`);
    return 0;
  },
};
