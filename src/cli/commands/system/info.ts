/** `skiff info` */
import type { Info } from "../../../contracts/engine/system.ts";
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import type { Command, Context } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { compileTemplate } from "../../format/template/execute.ts";
import { clientVersion } from "./client.ts";
import { serverInfo } from "./info-text.ts";

function formatted(format: string, info: object): string {
  if (format === "json") return `${JSON.stringify(info)}\n`;
  let template: ReturnType<typeof compileTemplate>;
  try {
    template = compileTemplate(format, { type: "system.dockerInfo" });
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`, 64);
  }
  try {
    return `${template(info)}\n`;
  } catch (error) {
    writeStdout("\n");
    throw error;
  }
}

async function ask(context: Context): Promise<{ info: Info | undefined; failure: string }> {
  try {
    return { info: await context.client.get<Info>("/info"), failure: "" };
  } catch (error) {
    return { info: undefined, failure: messageOf(error) };
  }
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Display system-wide information",
  flags: [INSPECT_FORMAT],
  words: { min: 0, max: 0 },
  async run(context) {
    const { config } = context.settings;
    const { ApiVersion: _, ...own } = clientVersion(context.settings.context);
    const client = { Debug: false, ...own };
    const { info, failure } = await ask(context);
    const format = context.text("format");
    if (format !== "") {
      const ClientInfo = { ...client, Plugins: [], Warnings: null };
      writeStdout(formatted(format, { ...info, ClientInfo }));
    } else {
      const auth = config.auths?.[info?.IndexServerAddress ?? ""]?.auth ?? "";
      const user = Buffer.from(auth, "base64").toString().split(":", 1)[0]!;
      const head = `Client:\n Version:    ${client.Version}\n Context:    ${client.Context}\n Debug Mode: false\n\nServer:\n`;
      writeStdout(head + (info === undefined ? "" : `${serverInfo(info, user)}\n`));
      for (const warning of info?.Warnings ?? []) writeStderr(`${warning}\n`);
    }
    if (failure !== "") writeStderr(`${failure}\n`);
    return failure === "" ? 0 : 1;
  },
};
