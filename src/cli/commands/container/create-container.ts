/** POST /containers/create, with the image pulled when it is missing and the policy allows it. */
import { writeFileSync } from "node:fs";
import type { ContainerCreateResponse } from "../../../contracts/engine/container.ts";
import { writeStderr } from "../../../kernel/stdout.ts";
import type { Context } from "../../command.ts";
import { DaemonError } from "../../errors.ts";
import type { CreateCall } from "./create-request.ts";
import { EMBEDDED_IMAGE, loadEmbedded } from "./embedded.ts";
import { invalid } from "./values.ts";

/** The name with its tag, as the message about a missing image has it. */
function tagged(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  return last.includes(":") || reference.includes("@") ? reference : `${reference}:latest`;
}

async function fetchImage(context: Context, { image, platform }: CreateCall, quiet: boolean): Promise<void> {
  if (image === EMBEDDED_IMAGE || image === `${EMBEDDED_IMAGE}:latest`) return loadEmbedded(context.client);
  const { pullImage } = await import("../../images/pull.ts");
  await pullImage(context.client, context.settings, image, { platform, quiet, to: "stderr" });
}

/** Answers the new container's id. */
export async function createContainer(context: Context, call: CreateCall): Promise<string> {
  const { client } = context;
  const pull = context.text("pull");
  if (!["always", "missing", "never"].includes(pull))
    throw invalid(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
  const quiet = context.bool("quiet");
  const post = () =>
    client.post<ContainerCreateResponse>("/containers/create", {
      query: { name: call.name, platform: call.platform },
      json: call.body,
    });
  if (pull === "always") await fetchImage(context, call, quiet);
  let created: ContainerCreateResponse;
  try {
    created = await post();
  } catch (error) {
    const missing =
      error instanceof DaemonError && error.status === 404 && /No such image/i.test(error.message);
    if (!missing || pull === "never") throw error;
    if (!quiet) writeStderr(`Unable to find image '${tagged(call.image)}' locally\n`);
    await fetchImage(context, call, quiet);
    created = await post();
  }
  for (const warning of created.Warnings ?? []) writeStderr(`WARNING: ${warning}\n`);
  const cidFile = context.text("cidfile");
  if (cidFile !== "") writeFileSync(cidFile, created.Id, { flag: "wx" });
  return created.Id;
}
