/** `skiff context rm` */
import { bool, type Command, type Context } from "../../command.ts";
import { DEFAULT_CONTEXT, hasContext, removeContext } from "../../contexts/store.ts";
import { CliError } from "../../errors.ts";
import { changeConfig } from "../../transport/config-file.ts";
import { forEachName } from "../each.ts";

function remove(context: Context, name: string): void {
  const { settings } = context;
  const force = context.bool("force");
  if (name === DEFAULT_CONTEXT) throw new CliError(`context "${DEFAULT_CONTEXT}" cannot be removed`);
  if (!hasContext(settings.configDir, name) && !force) throw new CliError(`context "${name}" does not exist`);
  const current = settings.config.currentContext === name;
  if (current && !force) throw new CliError(`context "${name}" is in use, set -f flag to force remove`);
  removeContext(settings.configDir, name);
  if (current) changeConfig(settings.configDir, ({ currentContext: _, ...config }) => config);
}

export const command: Command = {
  usage: "CONTEXT [CONTEXT...]",
  summary: "Remove one or more contexts",
  flags: [bool("force", "Force the removal of a context in use", "f")],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    forEachName(context.words, async (name) => {
      remove(context, name);
      return name;
    }),
};
