/** `skiff network disconnect` */
import { bool, type Command } from "../../command.ts";
import { inPath } from "../each.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Disconnect a container from a network",
  flags: [bool("force", "Force the container to disconnect from a network", "f")],
  words: { min: 2, max: 2 },
  async run(context) {
    const [network = "", Container = ""] = context.words;
    const json = { Container, Force: context.bool("force") };
    await context.client.post(`/networks/${inPath(network)}/disconnect`, { json });
    return 0;
  },
};
