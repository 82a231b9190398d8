/** The image that comes with the program, so that the first run needs no registry and no network. */
import embedded from "../../../../native/build/hello-image.tar" with { type: "file" };
import type { Client } from "../../transport/client.ts";

export const EMBEDDED_IMAGE = "skiff/hello";

export async function loadEmbedded(client: Client): Promise<void> {
  const body = await Bun.file(embedded).bytes();
  const headers = { "Content-Type": "application/x-tar" };
  const response = await client.send("POST", "/images/load", { query: { quiet: true }, headers, body });
  await response.text();
}
