/** `skiff context create` */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { type Command, list, text } from "../../command.ts";
import {
  type ContextMeta,
  checkContextName,
  DEFAULT_CONTEXT,
  defaultContext,
  hasContext,
  readContext,
  readTls,
  type TlsMaterial,
  writeContext,
  writeTls,
} from "../../contexts/store.ts";
import { CliError } from "../../errors.ts";
import type { Settings } from "../../transport/settings.ts";
import { pairsOf } from "../container/values.ts";

const KEYS = ["host", "from", "ca", "cert", "key", "skip-tls-verify"];

function refuse(why: string): CliError {
  return new CliError(`unable to create docker endpoint config: ${why}`);
}

/** What a context points at, with its certificates. */
interface Target {
  readonly meta: ContextMeta;
  readonly tls: TlsMaterial;
}

function copyOf(settings: Settings, name: string): Target {
  if (name !== DEFAULT_CONTEXT)
    return { meta: readContext(settings.configDir, name), tls: readTls(settings.configDir, name) };
  const Metadata = { Description: "Current DOCKER_HOST based configuration" };
  return { meta: { ...defaultContext(settings), Metadata }, tls: {} };
}

function readPem(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    throw refuse(`open ${path}: no such file or directory`);
  }
}

function isCertificate(bytes: Uint8Array): boolean {
  try {
    return new X509Certificate(bytes).subject !== "";
  } catch {
    return false;
  }
}

/** `--docker host=…,ca=…,cert=…,key=…` */
function targetOf(settings: Settings, name: string, options: Readonly<Record<string, string>>): Target {
  const unknown = Object.keys(options).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw refuse(`unrecognized config key: ${unknown}`);
  const { host: Host = "", from, "skip-tls-verify": skip = "false" } = options;
  if (from !== undefined) return copyOf(settings, from);
  const files = (["ca", "cert", "key"] as const).filter((key) => (options[key] ?? "") !== "");
  const tls = Object.fromEntries(files.map((key) => [`${key}.pem`, readPem(options[key]!)]));
  if (tls["ca.pem"] !== undefined && !isCertificate(tls["ca.pem"]))
    throw refuse(
      "invalid docker endpoint options: failed to retrieve context tls info: ca.pem seems invalid",
    );
  const SkipTLSVerify = ["1", "t", "T", "true", "TRUE", "True"].includes(skip);
  return { meta: { Name: name, Metadata: {}, Endpoints: { docker: { Host, SkipTLSVerify } } }, tls };
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
    const { meta, tls } = from === "" ? targetOf(settings, name, options) : copyOf(settings, from);
    const Description = context.text("description") || (meta.Metadata.Description ?? "");
    writeTls(settings.configDir, name, tls);
    writeContext(settings.configDir, {
      Name: name,
      Metadata: Description === "" ? {} : { Description },
      Endpoints: meta.Endpoints,
    });
    writeStdout(`${name}\n`);
    writeStderr(`Successfully created context "${name}"\n`);
    return 0;
  },
};
