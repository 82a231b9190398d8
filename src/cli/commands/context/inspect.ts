/** `skiff context inspect` */
import type { Command } from "../../command.ts";
import {
  DEFAULT_CONTEXT,
  defaultContext,
  metaDirectory,
  readContext,
  readTls,
  tlsDirectory,
} from "../../contexts/store.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { escapedJson } from "../../format/json.ts";
import { inspectNames } from "../../inspect/inspect.ts";
import type { Settings } from "../../transport/settings.ts";

const NOWHERE = "<IN MEMORY>";

function describe(settings: Settings, name: string): string {
  const isDefault = name === DEFAULT_CONTEXT;
  const meta = isDefault ? defaultContext(settings) : readContext(settings.configDir, name);
  const { Name, Metadata, Endpoints } = meta;
  const Storage = {
    MetadataPath: isDefault ? NOWHERE : metaDirectory(settings.configDir, name),
    TLSPath: isDefault ? NOWHERE : tlsDirectory(settings.configDir, name),
  };
  const files = isDefault ? [] : Object.keys(readTls(settings.configDir, name));
  const TLSMaterial = files.length === 0 ? {} : { docker: files };
  return escapedJson({ Name, Metadata, Endpoints, TLSMaterial, Storage });
}

export const command: Command = {
  usage: "[OPTIONS] [CONTEXT] [CONTEXT...]",
  summary: "Display detailed information on one or more contexts",
  flags: [INSPECT_FORMAT],
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  run({ words, settings, text }) {
    const names = words.length === 0 ? [settings.context] : words;
    return inspectNames(names, text("format"), async (name) => describe(settings, name));
  },
};
