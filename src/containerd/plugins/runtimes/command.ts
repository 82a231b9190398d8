/** A shim's program as a command: `start` answers where it listens, `delete` cleans up after it (WIRE.md, section 3). */
import { SkiffError } from "../../../lib/errors.ts";

export interface ShimHome {
  /** Of our gRPC socket; the ttrpc one is `<address>.ttrpc`. */
  readonly address: string;
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
}

export interface Bootstrap {
  /** Path of the shim's unix socket. */
  readonly socket: string;
  /** Of the Task service: 2 or 3. */
  readonly version: 2 | 3;
}

const COMMAND_MS_MAX = 15_000;
const OUTPUT_BYTES_MAX = 64 * 1024;

function environment({ address, namespace }: ShimHome): Record<string, string> {
  return {
    ...(process.env as Record<string, string>),
    ...{ GOMAXPROCS: "2", MAX_SHIM_VERSION: "3", NAMESPACE: namespace },
    ...{ TTRPC_ADDRESS: `${address}.ttrpc`, GRPC_ADDRESS: address },
  };
}

async function runShim(
  program: string,
  home: ShimHome,
  verb: readonly string[],
  input: Uint8Array,
): Promise<Uint8Array> {
  const flags = ["-namespace", home.namespace, "-address", home.address, "-publish-binary", process.execPath];
  const child = Bun.spawn([program, ...flags, "-id", home.id, ...verb], {
    cwd: home.bundle,
    env: environment(home),
    stdin: input,
    stdout: "pipe",
    stderr: "pipe",
    timeout: COMMAND_MS_MAX,
    killSignal: "SIGKILL",
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  const [output, errors] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  if ((await child.exited) !== 0) {
    const said = errors.trim() || Buffer.from(output).toString().trim();
    throw new SkiffError("unknown", `${program} ${verb.at(-1)}: ${said || `exit status ${child.exitCode}`}`);
  }
  return output;
}

/** What the shim printed: an address, or JSON since version 3. @throws unknown for anything else */
export function parseBootstrap(output: string): Bootstrap {
  const text = output.trim();
  let address = text;
  let version: 2 | 3 = 2;
  if (text.startsWith("{")) {
    const said = JSON.parse(text) as { version?: unknown; address?: unknown; protocol?: unknown };
    if (said.protocol !== "ttrpc")
      throw new SkiffError("unimplemented", `shim speaks ${String(said.protocol)}: only ttrpc is supported`);
    address = String(said.address);
    version = Number(said.version) >= 3 ? 3 : 2;
  }
  const socket = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (socket === undefined) throw new SkiffError("unknown", `shim answers no address: ${text.slice(0, 200)}`);
  return { socket, version };
}

/** `options`: the marshalled Any of the runtime's options, or nothing. */
export async function startShim(program: string, home: ShimHome, options: Uint8Array): Promise<Bootstrap> {
  return parseBootstrap(Buffer.from(await runShim(program, home, ["start"], options)).toString());
}

/** Answers the marshalled DeleteResponse. */
export function deleteShim(program: string, home: ShimHome): Promise<Uint8Array> {
  return runShim(program, home, ["-bundle", home.bundle, "delete"], new Uint8Array());
}
