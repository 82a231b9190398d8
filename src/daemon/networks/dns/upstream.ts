/**
 * One question to one other server, from inside a container's network namespace or from the host's. A socket of its own for each, with a random
 * port and a random id, so that nobody can guess an answer; the kernel lets through only what comes from the server asked.
 */
import { createSocket } from "node:dgram";
import { connectTcp, connectUdp } from "../../../kernel/inet.ts";
import { parseIpv4 } from "../../../kernel/netlink/ipv4.ts";
import { parseIpv6 } from "../../../kernel/netlink/ipv6.ts";
import { answerCode, MESSAGE_BYTES_MAX, RCODE, withId } from "./message.ts";

export type Transport = "udp" | "tcp";

export interface Question {
  /** As the container sent it. */
  readonly bytes: Uint8Array;
  readonly question: Uint8Array;
  readonly transport: Transport;
}

const PORT = 53;
const TIMEOUT_MS = 4000;

/** Runs a function in the namespace the question is asked from. */
export type Inside = <T>(body: () => T) => T;

function randomId(): number {
  return crypto.getRandomValues(new Uint16Array(1))[0]!;
}

type Accept = (bytes: Uint8Array) => boolean;

function askUdp(
  fd: number,
  address: string,
  bytes: Uint8Array,
  accept: Accept,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const end = (answer?: Uint8Array) => {
      clearTimeout(timer);
      try {
        socket.close();
      } catch {
        // It is closed already.
      }
      resolve(answer);
    };
    const timer = setTimeout(end, TIMEOUT_MS);
    socket.on("message", (answer) => {
      if (accept(answer)) end(answer);
    });
    socket.on("error", () => end());
    socket.bind({ fd }, () =>
      socket.send(bytes, PORT, address, (error) => {
        if (error) end();
      }),
    );
  });
}

function frame(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
}

function askTcp(fd: number, bytes: Uint8Array, accept: Accept): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0);
    let unsent: Buffer = frame(bytes);
    // Opened means taken over, not connected: nothing may go out at first.
    const send = (connection: Bun.Socket) => {
      const sent = unsent.length === 0 ? 0 : connection.write(unsent);
      if (sent > 0) unsent = unsent.subarray(sent);
    };
    let close = () => {};
    const end = (answer?: Uint8Array) => {
      clearTimeout(timer);
      resolve(answer);
      // Calls back at once.
      close();
    };
    const timer = setTimeout(end, TIMEOUT_MS);
    const socket = {
      open(connection: Bun.Socket) {
        close = () => connection.end();
        send(connection);
      },
      drain: send,
      data(_: Bun.Socket, chunk: Buffer) {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2) return;
        const length = received.readUInt16BE(0);
        if (received.length < length + 2) return;
        const answer = received.subarray(2, length + 2);
        end(accept(answer) ? answer : undefined);
      },
      close: () => end(),
      error: () => end(),
      connectError: () => end(),
    };
    // `fd` is missing in the types of `Bun.connect`.
    const options = { fd, socket } as unknown as Bun.UnixSocketOptions<undefined>;
    Bun.connect(options).catch(() => end());
  });
}

/** The answer with the asker's id; undefined when none came, or one that says another server may know better. */
export async function ask(
  { bytes, question, transport }: Question,
  address: string,
  inside: Inside,
): Promise<Uint8Array | undefined> {
  const ip = parseIpv4(address) ?? parseIpv6(address);
  if (ip === undefined || bytes.length > MESSAGE_BYTES_MAX) return undefined;
  const id = randomId();
  const own = withId(bytes, id);
  const accept: Accept = (answer) => answerCode(answer, id, question) !== undefined;
  let answer: Uint8Array | undefined;
  try {
    const fd = inside(() => (transport === "udp" ? connectUdp(ip, PORT) : connectTcp(ip, PORT)));
    answer = await (transport === "udp" ? askUdp(fd, address, own, accept) : askTcp(fd, own, accept));
  } catch {
    // No route from there: as good as no answer.
    return undefined;
  }
  if (answer === undefined) return undefined;
  const code = answerCode(answer, id, question);
  if (code === RCODE.SERVFAIL || code === RCODE.REFUSED) return undefined;
  return withId(answer, (bytes[0]! << 8) | bytes[1]!);
}
