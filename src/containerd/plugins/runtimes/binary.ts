/** From a runtime's name to the shim's program: `io.containerd.runc.v2` is `containerd-shim-runc-v2` on PATH; an absolute path is itself. */
import { existsSync } from "node:fs";
import { SkiffError } from "../../../lib/errors.ts";

const NAME = /^(?:[a-zA-Z0-9_-]+\.)+([a-zA-Z0-9_-]+)\.(v[0-9]+)$/;

/** @throws not_found in containerd's words, invalid_argument */
export function findShim(runtime: string, searchPath: string): string {
  if (runtime.startsWith("/")) {
    if (existsSync(runtime)) return runtime;
    throw new SkiffError("not_found", `runtime "${runtime}" binary not installed`);
  }
  const parts = NAME.exec(runtime);
  if (parts === null)
    throw new SkiffError(
      "invalid_argument",
      `invalid runtime name ${runtime}, correct runtime name should be either format like \`io.containerd.runc.v2\` or a full path to the binary`,
    );
  const program = `containerd-shim-${parts[1]}-${parts[2]}`;
  const found = Bun.which(program, { PATH: searchPath });
  if (found === null)
    throw new SkiffError("not_found", `runtime "${runtime}" binary not installed "${program}"`);
  return found;
}
