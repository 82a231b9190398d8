/** `skiff port` */
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import type { Command } from "../../command.ts";
import { inPath } from "../each.ts";

type Bindings = Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;

function address({ HostIp, HostPort }: { HostIp: string; HostPort: string }): string {
  return HostIp.includes(":") ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;
}

export const command: Command = {
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  summary: "List port mappings or a specific mapping for the container",
  flags: [],
  words: { min: 1, max: 2 },
  async run({ words, client }) {
    const [name = "", port] = words;
    const { NetworkSettings } = await client.get<{ NetworkSettings: { Ports: Bindings } }>(
      `/containers/${inPath(name)}/json`,
    );
    const { Ports } = NetworkSettings;
    if (port !== undefined) {
      const key = port.includes("/") ? port : `${port}/tcp`;
      const found = Ports[key];
      if (!found) {
        writeStderr(`no public port '${port}' published for ${name}\n`);
        return 1;
      }
      writeStdout(found.map((binding) => `${address(binding)}\n`).join(""));
      return 0;
    }
    const lines = Object.entries(Ports).flatMap(([key, bindings]) =>
      (bindings ?? []).map((binding) => `${key} -> ${address(binding)}\n`),
    );
    writeStdout(lines.sort().join(""));
    return 0;
  },
};
