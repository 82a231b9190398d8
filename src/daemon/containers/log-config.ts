/** Log drivers: `json-file`; `none`; and `local`, which here is the same files with that driver's limits. */
import { SkiffError } from "../../lib/errors.ts";
import { parseSize } from "./stdio-uri.ts";

export interface LogConfig {
  readonly Type: string;
  readonly Config: Readonly<Record<string, string>>;
}

const COMMON = ["env", "env-regex", "labels", "labels-regex", "tag"];
const ANY_DRIVER = ["mode", "max-buffer-size"];
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  "json-file": [...COMMON, "compress", "max-file", "max-size"],
  local: ["compress", "max-file", "max-size"],
  none: [],
};
/** dockerd's others: they exist, but not here. */
const OTHERS = [
  "awslogs",
  "etwlogs",
  "fluentd",
  "gcplogs",
  "gelf",
  "journald",
  "logentries",
  "splunk",
  "syslog",
];

const invalid = (text: string) => new SkiffError("invalid_argument", text);

/** @throws invalid_argument in dockerd's words, unimplemented for drivers that only dockerd has */
export function checkLogConfig({ Type, Config }: LogConfig): void {
  const known = OPTIONS[Type];
  if (known === undefined && OTHERS.includes(Type))
    throw new SkiffError("unimplemented", `log driver ${Type} is not implemented by skiffd`);
  if (known === undefined) throw invalid(`logger: no log driver named '${Type}' is registered`);
  for (const name of Object.keys(Config))
    if (!known.includes(name) && !ANY_DRIVER.includes(name))
      throw invalid(`unknown log opt '${name}' for ${Type} log driver`);
  if (Config["max-size"] !== undefined) parseSize(Config["max-size"]);
  const files = Config["max-file"];
  if (files !== undefined && !/^\+?[0-9]{1,9}$/.test(files))
    throw invalid(`strconv.Atoi: parsing "${files}": invalid syntax`);
  if (files !== undefined && Number(files) < 1) throw invalid("max-file cannot be less than 1");
}
