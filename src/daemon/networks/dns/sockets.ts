/** The server's sockets in a container's namespace, and the rule that leads 127.0.0.11:53 to them. */
import { createSocket, type Socket } from "node:dgram";
import { type Socket as Connection, createServer, type Server } from "node:net";
import { closeSocket, listenTcp, listenUdp, localPort } from "../../../kernel/inet.ts";
import { parseCidr, parseIpv4 } from "../../../kernel/netlink/ipv4.ts";
import * as match from "../../../kernel/nftables/expressions.ts";
import { addChain, addTable, appendRule, deleteTable } from "../../../kernel/nftables/objects.ts";
import { openNftables } from "../../../kernel/nftables/transaction.ts";
import { MESSAGE_BYTES_MAX } from "./message.ts";

export const RESOLVER_ADDRESS = "127.0.0.11";
const TABLE = "skiff-dns";
const PORT = 53;
const PROTOCOLS = { udp: 17, tcp: 6 } as const;
const CONNECTIONS_MAX = 128;
const IDLE_MS = 10_000;

export interface Descriptors {
  readonly udp: number;
  readonly tcp: number;
}

/**
 * A container may run a name server of its own on port 53 of all addresses, so ours has ports that the kernel picks, and a rule in the container's
 * namespace leads there. Runs inside the namespace.
 */
export function openInside(): Descriptors {
  const ip = parseIpv4(RESOLVER_ADDRESS)!;
  const udp = listenUdp(ip, 0);
  let tcp = -1;
  try {
    tcp = listenTcp(ip, 0);
    redirect({ udp: localPort(udp), tcp: localPort(tcp) });
    return { udp, tcp };
  } catch (error) {
    for (const fd of [udp, tcp]) if (fd >= 0) closeSocket(fd);
    throw error;
  }
}

function redirect(ports: Readonly<Record<keyof typeof PROTOCOLS, number>>): void {
  const ip = parseIpv4(RESOLVER_ADDRESS)!;
  const chain = "output";
  const rule = (protocol: keyof typeof PROTOCOLS) =>
    appendRule({
      table: TABLE,
      chain,
      expressions: [
        ...match.destinationIn(parseCidr(`${RESOLVER_ADDRESS}/32`)),
        ...match.protocolIs(PROTOCOLS[protocol]),
        ...match.destinationPortIs(PORT),
        ...match.redirectTo(ip, ports[protocol]),
      ],
    });
  const nftables = openNftables();
  try {
    nftables.commit([
      // One of an earlier skiffd leads to ports that are closed. Deleting is slow (10 ms).
      ...(nftables.hasTable(TABLE) ? [deleteTable(TABLE)] : []),
      addTable(TABLE),
      addChain(TABLE, chain, { type: "nat", hook: "output", priority: -100 }),
      ...[rule("udp"), rule("tcp")],
    ]);
  } finally {
    nftables.close();
  }
}

export type Answer = (
  bytes: Uint8Array,
  transport: "udp" | "tcp",
) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

function serveUdp(fd: number, answer: Answer): Socket {
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  socket.on("message", (bytes, { address, port }) => {
    const send = (reply: Uint8Array | undefined) => {
      if (reply !== undefined) socket.send(reply, port, address, () => {});
    };
    const reply = answer(bytes, "udp");
    if (reply instanceof Promise) reply.then(send, () => {});
    else send(reply);
  });
  socket.bind({ fd });
  return socket;
}

/** Each message has its length in front. One after the other, so that a fast asker waits. */
async function serveConnection(connection: Connection, answer: Answer): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of connection as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= rest.readUInt16BE(0) + 2) {
      const length = rest.readUInt16BE(0);
      const reply = await answer(rest.subarray(2, length + 2), "tcp");
      rest = rest.subarray(length + 2);
      if (reply === undefined || reply.length > MESSAGE_BYTES_MAX) return;
      connection.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]));
    }
  }
}

function serveTcp(fd: number, answer: Answer): Server {
  const server = createServer((connection) => {
    connection.on("error", () => connection.destroy());
    connection.setTimeout(IDLE_MS, () => connection.destroy());
    serveConnection(connection, answer)
      .catch(() => {})
      .finally(() => connection.end());
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("error", () => {});
  server.listen({ fd });
  return server;
}

/** Takes the descriptors over. */
export function serve({ udp, tcp }: Descriptors, answer: Answer): Disposable {
  const socket = serveUdp(udp, answer);
  const server = serveTcp(tcp, answer);
  return {
    [Symbol.dispose]() {
      socket.close();
      server.close();
    },
  };
}
