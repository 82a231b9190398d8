/** `skiff network connect` */
import { type Command, int, list, text } from "../../command.ts";
import { pairsOf } from "../container/values.ts";
import { inPath } from "../each.ts";

const split = (values: readonly string[]) => values.flatMap((value) => value.split(","));

export const command: Command = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Connect a container to a network",
  flags: [
    list("alias", "Add network-scoped alias for the container", { type: "strings" }),
    list("driver-opt", "driver options for the network", { type: "strings" }),
    int(
      "gw-priority",
      "Highest gw-priority provides the default gateway. Accepts positive and negative values.",
    ),
    text("ip", 'IPv4 address (e.g., "172.30.100.104")'),
    text("ip6", 'IPv6 address (e.g., "2001:db8::33")'),
    list("link", "Add link to another container"),
    list("link-local-ip", "Add a link-local address for the container", { type: "strings" }),
  ],
  words: { min: 2, max: 2 },
  async run(context) {
    const [network = "", container = ""] = context.words;
    const EndpointConfig = {
      IPAMConfig: {
        IPv4Address: context.text("ip"),
        IPv6Address: context.text("ip6"),
        LinkLocalIPs: split(context.list("link-local-ip")),
      },
      Links: context.list("link"),
      Aliases: split(context.list("alias")),
      DriverOpts: pairsOf(split(context.list("driver-opt"))),
      GwPriority: context.number("gw-priority"),
    };
    await context.client.post(`/networks/${inPath(network)}/connect`, {
      json: { Container: container, EndpointConfig },
    });
    return 0;
  },
};
