/** Instructions that change the configuration only. */
import { posix } from "node:path";
import { SkiffError } from "../../lib/errors.ts";
import { goDuration } from "../../lib/go-duration.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { applyChanges } from "../images/changes.ts";
import { expandWord, expandWords, rawWords } from "./dockerfile/expand.ts";
import type { Line } from "./dockerfile/lines.ts";
import { jsonList } from "./dockerfile/stages.ts";

export interface ConfigInput {
  readonly line: Line;
  readonly esc: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly config: ImageDefaults;
  readonly commandSet: boolean;
}

export interface ConfigChange {
  readonly config: ImageDefaults;
  /** For the history: `CMD ["sh"]`. */
  readonly comment: string;
  readonly commandSet?: boolean;
  readonly author?: string;
}

type Change = (input: ConfigInput) => ConfigChange;

const DEFAULT_SHELL = ["/bin/sh", "-c"];
export const shellOf = (config: ImageDefaults): readonly string[] => config.Shell ?? DEFAULT_SHELL;

export function environmentOf(config: ImageDefaults): Map<string, string> {
  return new Map(
    (config.Env ?? []).map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

const quoted = (words: readonly string[]) => `[${words.map((word) => JSON.stringify(word)).join(" ")}]`;

/** `KEY=value …` or `KEY value`, expanded. */
function pairsOf({ line, esc, variables }: ConfigInput): [string, string][] {
  const words = rawWords(line.rest, esc);
  const expand = (text: string) => expandWord(text, esc, variables);
  if (!words[0]!.includes("=")) {
    const name = words[0]!;
    return [[expand(name), expand(line.rest.slice(line.rest.indexOf(name) + name.length).trim())]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    return [expand(word.slice(0, equals)), expand(word.slice(equals + 1))];
  });
}

const env: Change = (input) => {
  const pairs = pairsOf(input);
  const values = environmentOf(input.config);
  for (const [name, value] of pairs) values.set(name, value);
  const Env = [...values].map(([name, value]) => `${name}=${value}`);
  const comment = `ENV ${pairs.map(([name, value]) => `${name}=${value}`).join(" ")}`;
  return { config: { ...input.config, Env }, comment };
};

const label: Change = (input) => {
  const pairs = pairsOf(input);
  const Labels = { ...input.config.Labels, ...Object.fromEntries(pairs) };
  const comment = `LABEL ${pairs.map(([name, value]) => `${name}=${value}`).join(" ")}`;
  return { config: { ...input.config, Labels }, comment };
};

function commandOf({ line, config }: ConfigInput): readonly string[] {
  return jsonList(line) ?? (line.rest === "" ? [] : [...shellOf(config), line.rest]);
}

const cmd: Change = (input) => {
  const Cmd = commandOf(input);
  return { config: { ...input.config, Cmd }, comment: `CMD ${quoted(Cmd)}`, commandSet: true };
};

const entrypoint: Change = (input) => {
  const Entrypoint = commandOf(input);
  const { Cmd: _, ...rest } = input.config;
  const config = { ...(input.commandSet ? input.config : rest), Entrypoint };
  return { config, comment: `ENTRYPOINT ${quoted(Entrypoint)}` };
};

const expose: Change = ({ line, esc, variables, config }) => {
  const ports = rawWords(line.rest, esc).flatMap((word) => expandWords(word, esc, variables));
  if (ports.length === 0) return { config, comment: "EXPOSE" };
  const only = applyChanges({}, [`EXPOSE ${ports.join(" ")}`]).ExposedPorts ?? {};
  return {
    config: { ...config, ExposedPorts: { ...config.ExposedPorts, ...only } },
    comment: `EXPOSE ${ports.toSorted().join(" ")}`,
  };
};

const volume: Change = ({ line, esc, variables, config }) => {
  const words = jsonList(line) ?? rawWords(line.rest, esc);
  const paths = words.map((word) => expandWord(word, esc, variables).trim());
  if (paths.some((path) => path === ""))
    throw new SkiffError("invalid_argument", "VOLUME specified can not be an empty string");
  const Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
  return { config: { ...config, Volumes }, comment: `VOLUME [${paths.join(" ")}]` };
};

const user: Change = ({ line, esc, variables, config }) => {
  const User = expandWord(line.rest, esc, variables);
  return { config: { ...config, User }, comment: `USER ${User}` };
};

const stopsignal: Change = ({ line, esc, variables, config }) => {
  const signal = expandWord(line.rest, esc, variables);
  return { config: applyChanges(config, [`STOPSIGNAL ${signal}`]), comment: `STOPSIGNAL ${signal}` };
};

const RUNES: Readonly<Record<number, string>> = {
  ...{ 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 39: "\\'", 92: "\\\\" },
};

/** As Go's `%q` prints dockerd's structure, a number as the character it is. */
function goHealthcheck(check: Readonly<Record<string, unknown>>): string {
  const time = (name: string) => `"${goDuration(Number(check[name] ?? 0) / 1e6)}"`;
  const retries = Number(check["Retries"] ?? 0);
  const plain = retries < 32 ? `\\x${retries.toString(16).padStart(2, "0")}` : String.fromCodePoint(retries);
  const times = ["Interval", "Timeout", "StartPeriod", "StartInterval"].map(time).join(" ");
  return `&{${quoted((check["Test"] as string[] | undefined) ?? [])} ${times} '${RUNES[retries] ?? plain}'}`;
}

const healthcheck: Change = ({ line, config }) => {
  const flags = line.flags.join(" ");
  const changed = applyChanges(config, [`HEALTHCHECK ${flags} ${line.rest}`.replace(/\s+/g, " ")]);
  const check = changed.Healthcheck as { readonly Test?: readonly string[] } | null | undefined;
  // The command exactly as written.
  const Test =
    check?.Test?.[0] === "CMD-SHELL" ? ["CMD-SHELL", line.rest.replace(/^\S+\s*/, "")] : check?.Test;
  const Healthcheck = { ...check, ...(Test === undefined ? {} : { Test }) };
  return { config: { ...changed, Healthcheck }, comment: `HEALTHCHECK ${goHealthcheck(Healthcheck)}` };
};

const onbuild: Change = ({ line, config }) => ({
  config: { ...config, OnBuild: [...(config.OnBuild ?? []), line.rest] },
  comment: `ONBUILD ${line.rest}`,
});

const shell: Change = ({ line, config }) => {
  const Shell = jsonList(line)!;
  return { config: { ...config, Shell }, comment: `SHELL [${Shell.join(" ")}]` };
};

const maintainer: Change = ({ line, config }) => ({
  config,
  comment: `MAINTAINER ${line.rest}`,
  author: line.rest,
});

export const CONFIG_CHANGES: Readonly<Record<string, Change>> = {
  ...{
    env,
    label,
    cmd,
    entrypoint,
    expose,
    volume,
    user,
    stopsignal,
    healthcheck,
    onbuild,
    shell,
    maintainer,
  },
};

/** Of WORKDIR, below the one before. */
export function workingDirectory(config: ImageDefaults, path: string): string {
  return posix.resolve("/", config.WorkingDir ?? "", path);
}
