/** Pulls an image: for `skiff pull`, and for `skiff run` of one that is not here. */
import {
  canonicalString,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "../../lib/reference.ts";
import { authHeader } from "../auth/credentials.ts";
import { NO_SCREEN, type Screen, screenOf, showProgress } from "../progress/display.ts";
import type { Client } from "../transport/client.ts";
import type { Settings } from "../transport/settings.ts";

/** Without tag and digest: every tag of the repository. */
export async function pullReference(
  client: Client,
  settings: Settings,
  reference: Reference,
  { platform, screen }: { readonly platform: string; readonly screen: Screen },
): Promise<void> {
  const query = {
    fromImage: repositoryOf(reference),
    tag: reference.digest || reference.tag,
    platform: platform.toLowerCase(),
  };
  const headers = await authHeader(settings.config, reference.domain);
  const response = await client.send("POST", "/images/create", { query, headers });
  await showProgress(response.body, screen);
}

export interface PullOptions {
  /** "": the daemon's own. */
  readonly platform: string;
  readonly quiet: boolean;
  readonly to: "stdout" | "stderr";
}

/** Answers the image's full name. */
export async function pullImage(
  client: Client,
  settings: Settings,
  name: string,
  { platform, quiet, to }: PullOptions,
): Promise<string> {
  const reference = withDefaultTag(parseReference(name));
  await pullReference(client, settings, reference, { platform, screen: quiet ? NO_SCREEN : screenOf(to) });
  return canonicalString(reference);
}
