/** Certificates for a daemon behind TLS: of flags and environment, or of a context. */
import { existsSync, readFileSync } from "node:fs";
import type { TlsFiles } from "../../wire/http1/client.ts";
import { CliError } from "../errors.ts";
import type { Parsed } from "../flag.ts";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" ? "no such file or directory" : code === "EACCES" ? "permission denied" : code;
    throw new CliError(`Failed to initialize: unable to resolve docker endpoint: open ${path}: ${why}`);
  }
}

/** undefined: none is wanted. Our own certificate is there or not; the authority's must be, where the daemon is verified. */
export function tlsOfFlags(global: Parsed): TlsFiles | undefined {
  const environment = process.env["DOCKER_TLS_VERIFY"] ?? "";
  const verify = global.given("tlsverify") ? global.bool("tlsverify") : environment !== "";
  const wanted = verify || global.bool("tls") || (process.env["DOCKER_TLS"] ?? "") !== "";
  if (!wanted) return undefined;
  const own = (flag: string): string | undefined => {
    const path = global.text(flag);
    return global.given(flag) || existsSync(path) ? read(path) : undefined;
  };
  return {
    verify,
    ca: verify ? read(global.text("tlscacert")) : undefined,
    cert: own("tlscert"),
    key: own("tlskey"),
  };
}

/** `directory`: the context's, with ca.pem, cert.pem and key.pem in it. */
export function tlsOfContext(directory: string, skipVerify: boolean): TlsFiles | undefined {
  const file = (name: string): string | undefined => {
    const path = `${directory}/${name}.pem`;
    return existsSync(path) ? read(path) : undefined;
  };
  const [ca, cert, key] = [file("ca"), file("cert"), file("key")];
  if (ca === undefined && cert === undefined && key === undefined && !skipVerify) return undefined;
  return { verify: !skipVerify, ca, cert, key };
}
