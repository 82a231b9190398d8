/** The genuine containerd and ours side by side, for tests that put the same calls to both. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { type Channel, createChannel } from "../../wire/h2/client.ts";

export interface Peer {
  readonly address: string;
  readonly root: string;
}

export interface Peers extends AsyncDisposable {
  readonly directory: string;
  readonly genuine: Peer;
  readonly ours: Peer;
}

const config = ({ root, address }: Peer) => `version = 2
root = "${root}"
state = "${root}.state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "${address}"
`;

async function start(command: string[], address: string): Promise<Bun.Subprocess> {
  const daemon = Bun.spawn(command, { stdout: "ignore", stderr: "ignore" });
  const ask = () =>
    Bun.spawn(["ctr", "-a", address, "version"], { stdout: "ignore", stderr: "ignore" }).exited;
  for (let tries = 0; tries < 400 && (await ask()) !== 0; tries++) await Bun.sleep(25);
  return daemon;
}

export async function startPeers(): Promise<Peers> {
  const directory = mkdtempSync("/tmp/skiff-peers-");
  const peer = (name: string) => ({
    address: join(directory, `${name}.sock`),
    root: join(directory, name, "root"),
  });
  const [genuine, ours] = [peer("genuine"), peer("ours")];
  writeFileSync(join(directory, "config.toml"), config(genuine));
  const main = join(import.meta.dir, "../../main.ts");
  const flags = ["--address", ours.address, "--root", ours.root, "--state", `${ours.root}.state`];
  const daemons = await Promise.all([
    start(["/usr/bin/containerd", "--config", join(directory, "config.toml")], genuine.address),
    start([process.execPath, main, "skiff-containerd", ...flags], ours.address),
  ]);
  return {
    ...{ directory, genuine, ours },
    async [Symbol.asyncDispose]() {
      for (const daemon of daemons) {
        daemon.kill("SIGTERM");
        await daemon.exited;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Without what differs from run to run: times, roots, the numbers of directories. */
function plain(value: unknown, { root }: Peer, ids: string[]): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string")
    return (
      value
        .replaceAll(root, "ROOT")
        // How containerd's metadata names a snapshot to its snapshotter.
        .replaceAll(/(?<= "?)[\w-]+\/\d+\/(?=\w)/g, "")
        .replaceAll(/\/snapshots\/(\d+)/g, (_, id: string) => {
          if (!ids.includes(id)) ids.push(id);
          return `/snapshots/#${ids.indexOf(id)}`;
        })
    );
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map((inner) => plain(inner, { root, address: "" }, ids));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith("$") && !/At$|^timestamp$/.test(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, plain(inner, { root, address: "" }, ids)]),
  );
}

export interface Recorder {
  readonly channel: Channel;
  readonly peer: Peer;
  /** What was answered, in order. */
  readonly log: unknown[];
  /** Writes down what `act` answers, or the code and words it fails with. */
  note(name: string, act: () => unknown): Promise<void>;
}

/** A script put to both, each in a namespace of its own. */
export async function atBoth(
  peers: Peers,
  namespace: string,
  script: (recorder: Recorder) => Promise<void>,
): Promise<{ readonly genuine: unknown[]; readonly ours: unknown[] }> {
  const one = async (peer: Peer): Promise<unknown[]> => {
    const metadata = { "containerd-namespace": namespace };
    const channel = createChannel({ path: peer.address, metadata });
    const log: unknown[] = [];
    const ids: string[] = [];
    const note = async (name: string, act: () => unknown): Promise<void> => {
      try {
        log.push([name, plain(await act(), peer, ids)]);
      } catch (error) {
        log.push([name, codeOf(error), plain(messageOf(error), peer, ids)]);
      }
    };
    await script({ channel, peer, log, note });
    channel.close();
    return log;
  };
  const [genuine, ours] = await Promise.all([one(peers.genuine), one(peers.ours)]);
  return { genuine, ours };
}
