/** `skiff-containerd layer`: the child process of protocol.ts. */
import { codeOf, messageOf } from "../../../lib/errors.ts";
import { dieWithParent } from "./mounted.ts";
import { type LayerRequest, report } from "./protocol.ts";

export async function main(argv: readonly string[]): Promise<number> {
  try {
    dieWithParent();
    const request = JSON.parse(argv[0] ?? "") as LayerRequest;
    if (request.verb === "apply") await (await import("./apply.ts")).applyLayer(request);
    else if (request.verb === "inflate") await (await import("./inflate.ts")).inflateLayer(request.blob);
    else await (await import("./pack.ts")).packLayer(request);
    return 0;
  } catch (error) {
    report({ error: messageOf(error), code: codeOf(error) });
    return 1;
  }
}
