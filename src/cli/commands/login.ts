/** `skiff login`: the daemon tries the credentials at the registry; they are kept in config.json, or given to the helper it names. */
import type { AuthConfig } from "../../contracts/engine/system.ts";
import { isTerminal, writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { credentialsFor, HUB_SERVER, hostOf } from "../auth/credentials.ts";
import { storeCredentials } from "../auth/store.ts";
import { bool, type Command, type Context, text } from "../command.ts";
import { CliError } from "../errors.ts";
import { readLine, readSecret } from "../streams/ask.ts";
import { openStdin } from "../streams/stdin.ts";

const SECRET_BYTES_MAX = 64 * 1024;

async function readAll(): Promise<string> {
  const stdin = openStdin();
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of stdin.pieces) {
      size += piece.length;
      if (size > SECRET_BYTES_MAX) throw new CliError("the password on stdin is too long");
      pieces.push(piece);
    }
  } finally {
    stdin.restore();
  }
  return Buffer.concat(pieces)
    .toString()
    .replace(/\r?\n$/, "");
}

/** Asks for what the flags left out. */
async function complete(
  context: Context,
  known: AuthConfig,
): Promise<{ username: string; password: string }> {
  let username = context.text("username");
  let password = context.text("password");
  if (context.given("password")) {
    writeStderr("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    if (context.bool("password-stdin"))
      throw new CliError("--password and --password-stdin are mutually exclusive");
  }
  if (context.bool("password-stdin")) {
    if (username === "") throw new CliError("Must provide --username with --password-stdin");
    password = await readAll();
  }
  if (username !== "" && password !== "") return { username, password };
  if (!isTerminal(0)) throw new CliError("Error: Cannot perform an interactive login from a non TTY device");
  if (username === "") {
    const old = known.username ?? "";
    username = (await readLine(`Username${old === "" ? "" : ` (${old})`}: `)).trim() || old;
    if (username === "") throw new CliError("Error: Non-null Username Required");
  }
  if (password === "") password = await readSecret("Password: ");
  if (password === "") throw new CliError("Error: Password Required");
  return { username, password };
}

function existing(username: string): string {
  const who = username === "" ? "" : ` [Username: ${username}]`;
  const other = "Info -> To login with a different account, run 'skiff logout' followed by 'skiff login'";
  return `Authenticating with existing credentials...${who}\n\n ${other}\n\n\n`;
}

export const command: Command = {
  usage: "[OPTIONS] [SERVER]",
  summary: "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
  flags: [
    text("password", "Password or Personal Access Token (PAT)", { short: "p" }),
    bool("password-stdin", "Take the Password or Personal Access Token (PAT) from stdin"),
    text("username", "Username", { short: "u" }),
  ],
  words: { min: 0, max: 1 },
  async run(context) {
    const { client, settings } = context;
    const [word = ""] = context.words;
    const server = word === "" || word === "docker.io" ? HUB_SERVER : hostOf(word);
    const asked = context.given("username") || context.given("password") || context.bool("password-stdin");
    const known = asked ? {} : await credentialsFor(settings.config, server);
    const again = (known.password ?? "") !== "" || (known.identitytoken ?? "") !== "";
    const auth = again ? known : { ...(await complete(context, known)), serveraddress: server };
    if (again) writeStderr(existing(known.username ?? ""));
    const { IdentityToken = "", Status } = await client.post<{ IdentityToken?: string; Status: string }>(
      "/auth",
      {
        json: { ...auth, serveraddress: server },
      },
    );
    const kept = IdentityToken === "" ? auth : { ...auth, password: "", identitytoken: IdentityToken };
    const path = again && IdentityToken === "" ? "" : await storeCredentials(settings, server, kept);
    if (path !== "")
      writeStderr(
        `\nWARNING! Your credentials are stored unencrypted in '${path}'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n`,
      );
    if (Status !== "") writeStdout(`${Status}\n`);
    return 0;
  },
};
