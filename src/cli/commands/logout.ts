/** `skiff logout` */
import { writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { messageOf } from "../../lib/errors.ts";
import { HUB_SERVER, hostOf } from "../auth/credentials.ts";
import { eraseCredentials } from "../auth/store.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  usage: "[SERVER]",
  summary: "Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
  flags: [],
  words: { min: 0, max: 1 },
  async run({ settings, words }) {
    const [word = ""] = words;
    const server = word === "" || word === "docker.io" ? HUB_SERVER : hostOf(word);
    writeStdout(`Removing login credentials for ${server}\n`);
    try {
      await eraseCredentials(settings, server);
    } catch (error) {
      writeStderr(`WARNING: could not erase credentials:\n${server}: ${messageOf(error)}\n`);
    }
    return 0;
  },
};
