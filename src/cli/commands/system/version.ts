/** `skiff version` */
import type { Version } from "../../../contracts/engine/system.ts";
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import type { Command, Context } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { compileTemplate } from "../../format/template/execute.ts";
import { isOlder } from "../../transport/api-version.ts";
import { type ClientVersion, clientVersion } from "./client.ts";

/** Column of the values. */
const WIDTH = 20;

function line(indent: number, name: string, value: string): string {
  return `${`${" ".repeat(indent)}${name}:`.padEnd(WIDTH - 1)} ${value}\n`;
}

function clientText(client: ClientVersion): string {
  const { ApiVersion, DefaultAPIVersion } = client;
  const downgraded = ApiVersion === DefaultAPIVersion ? "" : ` (downgraded from ${DefaultAPIVersion})`;
  return [
    "Client:\n",
    line(1, "Version", client.Version),
    line(1, "API version", client.ApiVersion + downgraded),
    line(1, "Go version", client.GoVersion),
    line(1, "Git commit", client.GitCommit),
    line(1, "OS/Arch", `${client.Os}/${client.Arch}`),
    line(1, "Context", client.Context),
  ].join("");
}

/** `Thu May  7 21:09:36 2026`, of what older daemons write in another way. */
function buildTime(text: string): string {
  const date = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(date.getTime())) return text;
  const [day = "", number = "", month = "", year = "", time = ""] = date.toUTCString().split(/,? /);
  return `${day} ${month} ${number.replace(/^0/, "").padStart(2)} ${time} ${year}`;
}

/** Its date as people read it. */
function readable(version: Version): Version {
  const Components = version.Components.map((component) => {
    const { Details = {} } = component;
    if (component.Name !== "Engine" || Details["BuildTime"] === undefined) return component;
    return { ...component, Details: { ...Details, BuildTime: buildTime(Details["BuildTime"]) } };
  });
  return { ...version, Components };
}

function engineText(version: string, details: Readonly<Record<string, string>>): string {
  const of = (name: string) => details[name] ?? "";
  return [
    line(2, "Version", version),
    line(2, "API version", `${of("ApiVersion")} (minimum version ${of("MinAPIVersion")})`),
    line(2, "Go version", of("GoVersion")),
    line(2, "Git commit", of("GitCommit")),
    line(2, "Built", of("BuildTime")),
    line(2, "OS/Arch", `${of("Os")}/${of("Arch")}`),
    line(2, "Experimental", of("Experimental")),
  ].join("");
}

export function serverText({ Platform, Components }: Version): string {
  const parts = Components.map(({ Name, Version, Details = {} }) => {
    if (Name === "Engine") return ` Engine:\n${engineText(Version, Details)}`;
    const details = Object.keys(Details).sort();
    return ` ${Name}:\n${line(2, "Version", Version)}${details.map((key) => line(2, key, Details[key]!)).join("")}`;
  });
  return `\nServer:${Platform.Name === "" ? "" : ` ${Platform.Name}`}\n${parts.join("")}`;
}

/** `{{.Client.APIVersion}}` is Go's name of what JSON calls `ApiVersion`. */
function fieldsOf(value: Version | ClientVersion | null): object | null {
  if (value === null) return null;
  const { ApiVersion, ...rest } = value;
  return { ...rest, APIVersion: ApiVersion };
}

function formatted(format: string, Client: ClientVersion, Server: Version | null): string {
  if (format === "json" || format === "{{json .}}") return `${JSON.stringify({ Client, Server })}\n`;
  const data = { Client: fieldsOf(Client), Server: fieldsOf(Server) };
  const functions = new Map([
    [
      "json",
      (value: unknown) =>
        JSON.stringify(value === data.Client ? Client : value === data.Server ? Server : value),
    ],
  ]);
  const options = { name: "version", type: "system.versionInfo", functions };
  let template: ReturnType<typeof compileTemplate>;
  try {
    template = compileTemplate(format, options);
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`, 64);
  }
  try {
    return `${template(data)}\n`;
  } catch (error) {
    writeStdout("\n");
    throw error;
  }
}

async function ask(context: Context): Promise<{ server: Version | null; failure: string }> {
  try {
    return { server: readable(await context.client.get<Version>("/version")), failure: "" };
  } catch (error) {
    return { server: null, failure: messageOf(error) };
  }
}

/** The older of the two is spoken. */
function negotiated(client: ClientVersion, server: Version | null): ClientVersion {
  const own = client.DefaultAPIVersion;
  return {
    ...client,
    ApiVersion: server !== null && isOlder(server.ApiVersion, own) ? server.ApiVersion : own,
  };
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Show the Docker version information",
  flags: [INSPECT_FORMAT],
  words: { min: 0, max: 0 },
  async run(context) {
    const { server, failure } = await ask(context);
    const client = negotiated(clientVersion(context.settings.context), server);
    const format = context.text("format");
    if (format !== "") writeStdout(formatted(format, client, server));
    else writeStdout(clientText(client) + (server === null ? "" : serverText(server)));
    if (failure !== "") writeStderr(`${failure}\n`);
    return failure === "" ? 0 : 1;
  },
};
