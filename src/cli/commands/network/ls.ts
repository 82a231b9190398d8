/** `skiff network ls` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { chooseFormat, FORMAT } from "../../format/flags.ts";
import { naturalOrder } from "../../format/natural.ts";
import { renderListing } from "../../format/table.ts";
import { goTimeOf, labelText, shortId } from "../../format/words.ts";
import { encodeFilters } from "../../transport/client.ts";

interface Network {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6: boolean;
  readonly Internal: boolean;
  readonly Labels: Readonly<Record<string, string>> | null;
}

const TITLES = {
  ...{ ID: "NETWORK ID", Name: "NAME", Driver: "DRIVER", Scope: "SCOPE", IPv4: "IPV4", IPv6: "IPV6" },
  ...{ Internal: "INTERNAL", Labels: "LABELS", CreatedAt: "CREATED AT" },
};

function rowOf(network: Network, truncated: boolean) {
  const { Id, Name, Created, Driver, Scope, EnableIPv4 = false, EnableIPv6, Internal, Labels } = network;
  return {
    ...{ CreatedAt: goTimeOf(Created), Driver, ID: truncated ? shortId(Id) : Id },
    ...{ IPv4: String(EnableIPv4), IPv6: String(EnableIPv6), Internal: String(Internal) },
    ...{ Labels: labelText(Labels), Name, Scope },
  };
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "List networks",
  flags: [
    list("filter", 'Provide filter values (e.g. "driver=bridge")', { short: "f", type: "filter" }),
    FORMAT,
    bool("no-trunc", "Do not truncate the output"),
    bool("quiet", "Only display network IDs", "q"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const query = { filters: encodeFilters(context.list("filter")) };
    const networks = await context.client.get<readonly Network[]>("/networks", query);
    const rows = networks
      .toSorted((a, b) => naturalOrder(a.Name, b.Name))
      .map((network) => rowOf(network, !context.bool("no-trunc")));
    const format = chooseFormat(context.text("format"), {
      quiet: context.bool("quiet"),
      table: "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
      id: "{{.ID}}",
      raw: "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\\n",
      rawId: "network_id: {{.ID}}",
    });
    writeStdout(renderListing({ titles: TITLES, format, type: "*network.networkContext", rows }));
    return 0;
  },
};
