/** `skiff context use` */
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import type { Command } from "../../command.ts";
import { checkContextName, DEFAULT_CONTEXT, readContext } from "../../contexts/store.ts";
import { changeConfig } from "../../transport/config-file.ts";

export const command: Command = {
  usage: "CONTEXT",
  summary: "Set the current docker context",
  flags: [],
  words: { min: 1, max: 1 },
  async run({ settings, words }) {
    const [name = ""] = words;
    const isDefault = name === DEFAULT_CONTEXT;
    if (!isDefault) {
      checkContextName(name);
      readContext(settings.configDir, name);
    }
    changeConfig(settings.configDir, ({ currentContext: _, ...config }) =>
      isDefault ? config : { ...config, currentContext: name },
    );
    writeStdout(`${name}\n`);
    writeStderr(`Current context is now "${name}"\n`);
    if ((process.env["DOCKER_HOST"] ?? "") !== "" && !isDefault)
      writeStderr(
        `Warning: DOCKER_HOST environment variable overrides the active context. To use "${name}", either set the global --context flag, or unset DOCKER_HOST environment variable.\n`,
      );
    return 0;
  },
};
