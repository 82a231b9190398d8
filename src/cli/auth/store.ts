/** Keeps a registry's credentials and forgets them: in config.json, or by the credential helper it names. */
import { join } from "node:path";
import type { AuthConfig } from "../../contracts/engine/system.ts";
import { changeConfig } from "../transport/config-file.ts";
import type { Settings } from "../transport/settings.ts";
import { callHelper } from "./helper.ts";

function helperOf({ config }: Settings, server: string): string {
  return config.credHelpers?.[server] ?? config.credsStore ?? "";
}

type Auths = Record<string, { auth?: string; identitytoken?: string }>;

/** Answers the file where they now lie open to its owner; "" for a helper. */
export async function storeCredentials(
  settings: Settings,
  server: string,
  auth: AuthConfig,
): Promise<string> {
  const { username = "", password = "", identitytoken = "" } = auth;
  const helper = helperOf(settings, server);
  if (helper !== "") {
    const secret =
      identitytoken === ""
        ? { Username: username, Secret: password }
        : { Username: "<token>", Secret: identitytoken };
    await callHelper(helper, "store", JSON.stringify({ ServerURL: server, ...secret }));
  }
  changeConfig(settings.configDir, (config) => {
    const open = {
      auth: Buffer.from(`${username}:${password}`).toString("base64"),
      ...(identitytoken === "" ? {} : { identitytoken }),
    };
    return { ...config, auths: { ...(config["auths"] as Auths), [server]: helper === "" ? open : {} } };
  });
  return helper === "" ? join(settings.configDir, "config.json") : "";
}

export async function eraseCredentials(settings: Settings, server: string): Promise<void> {
  const helper = helperOf(settings, server);
  if (helper !== "") await callHelper(helper, "erase", server);
  changeConfig(settings.configDir, (config) => {
    const { [server]: _, ...auths } = (config["auths"] ?? {}) as Auths;
    return { ...config, auths };
  });
}
