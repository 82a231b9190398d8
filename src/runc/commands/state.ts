/** state: the OCI state document, with runc's extra fields. */
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { parseFlags } from "../options.ts";
import { onlyId } from "./words.ts";

export async function state(context: RuncContext, argv: readonly string[]): Promise<number> {
  const container = openContainer(context.root, onlyId("state", parseFlags(argv, {})));
  const { ociVersion, id, pid, status, bundle, annotations } = container.state();
  const { rootfs, created } = container.stored;
  const noted = Object.keys(annotations).length > 0 ? { annotations } : {};
  context.print(
    JSON.stringify({ ociVersion, id, pid, status, bundle, rootfs, created, ...noted, owner: "" }, null, 2),
  );
  return 0;
}
