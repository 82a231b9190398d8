/** `skiff context create` */
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { type Command, list, text } from "../../command.ts";
import {
  type ContextMeta,
  checkContextName,
  DEFAULT_CONTEXT,
  defaultContext,
  hasContext,
  readContext,
  writeContext,
} from "../../contexts/store.ts";
import { CliError } from "../../errors.ts";
import { parseHost } from "../../transport/host.ts";
import type { Settings } from "../../transport/settings.ts";
import { pairsOf } from "../container/values.ts";

/** TLS material is not kept: the transport has no client certificates yet. */
const REFUSED = ["ca", "cert", "key", "skip-tls-verify"];

function metaOf(settings: Settings, name: string): ContextMeta {
  if (name !== DEFAULT_CONTEXT) return readContext(settings.configDir, name);
  return {
    ...defaultContext(settings),
    Metadata: { Description: "Current DOCKER_HOST based configuration" },
  };
}

function endpointOf(settings: Settings, options: Readonly<Record<string, string>>): ContextMeta["Endpoints"] {
  const unknown = Object.keys(options).find(
    (key) => key !== "host" && key !== "from" && !REFUSED.includes(key),
  );
  if (unknown !== undefined)
    throw new CliError(`unable to create docker endpoint config: unrecognized config key: ${unknown}`);
  const tls = REFUSED.find((key) => (options[key] ?? "") !== "");
  if (tls !== undefined)
    throw new CliError(`unable to create docker endpoint config: ${tls}: TLS is not implemented by skiff`);
  const { host = "", from } = options;
  if (from !== undefined) return metaOf(settings, from).Endpoints;
  if (host !== "") parseHost(host);
  return { docker: { Host: host, SkipTLSVerify: false } };
}

export const command: Command = {
  usage: "[OPTIONS] CONTEXT",
  summary: "Create a context",
  flags: [
    text("description", "Description of the context"),
    list("docker", "set the docker endpoint", { type: "stringToString", default: "" }),
    text("from", "create context from a named context"),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const { settings } = context;
    const name = context.words[0]!;
    checkContextName(name);
    if (hasContext(settings.configDir, name)) throw new CliError(`context "${name}" already exists`);
    const options = pairsOf(context.list("docker").flatMap((value) => value.split(",")));
    const from = context.text("from") || (context.given("docker") ? "" : DEFAULT_CONTEXT);
    if (context.given("from") && context.given("docker"))
      throw new CliError("cannot use --docker flag when --from is set");
    const base = from === "" ? undefined : metaOf(settings, from);
    const Description = context.text("description") || (base?.Metadata.Description ?? "");
    writeContext(settings.configDir, {
      Name: name,
      Metadata: Description === "" ? {} : { Description },
      Endpoints: base?.Endpoints ?? endpointOf(settings, options),
    });
    writeStdout(`${name}\n`);
    writeStderr(`Successfully created context "${name}"\n`);
    return 0;
  },
};
