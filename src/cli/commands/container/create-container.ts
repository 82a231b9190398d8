/** POST /containers/create, with the image pulled when it is missing and the policy allows it. */
import { existsSync, writeFileSync } from "node:fs";
import type { ContainerCreateResponse } from "../../../contracts/engine/container.ts";
import { writeStderr } from "../../../kernel/stdout.ts";
import { parseReference } from "../../../lib/reference.ts";
import type { Context } from "../../command.ts";
import { CliError, DaemonError } from "../../errors.ts";
import { platformJson } from "../../images/platform.ts";
import type { CreateCall } from "./create-request.ts";
import { EMBEDDED_IMAGE, loadEmbedded } from "./embedded.ts";

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

/** An id is a name, too; what is neither is found out before anybody is asked. */
function checkImage({ image, platform }: CreateCall): void {
  if (!/^[0-9a-f]{64}$/.test(image)) parseReference(image);
  platformJson(platform);
}

function refuseWhatIsNot(context: Context): void {
  if (!context.bool("disable-content-trust"))
    throw new CliError("--disable-content-trust=false: content trust is not supported");
  if (context.bool("use-api-socket")) throw new CliError("--use-api-socket is not supported");
}

/** Answers the new container's id. */
export async function createContainer(context: Context, call: CreateCall): Promise<string> {
  const { client } = context;
  refuseWhatIsNot(context);
  checkImage(call);
  const cidFile = context.text("cidfile");
  if (cidFile !== "" && existsSync(cidFile))
    throw new CliError(
      `container ID file found, make sure the other container isn't running or delete ${cidFile}`,
    );
  const pull = context.text("pull");
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
  if (cidFile !== "") writeFileSync(cidFile, created.Id, { flag: "wx" });
  return created.Id;
}
