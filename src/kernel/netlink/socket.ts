/**
 * A netlink socket, used synchronously: the kernel works a request off while it is being sent, so the answer is there when `sendto` returns.
 * A socket belongs to the network namespace of the thread at the moment it is opened, for good.
 */
import { SkiffError } from "../../lib/errors.ts";
import { KernelError } from "../errno.ts";
import { check, libc } from "../libc.ts";
import {
  concat,
  encodeMessage,
  type Message,
  NLM_F,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseAttributes,
  parseMessages,
  type Request,
  readString,
} from "./message.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;
const NLMSGERR_ATTR_MSG = 1;
const NLM_F_ACK_TLVS = 0x200;
/** The kernel's own largest dump datagram is 32 KiB. */
const BUFFER_BYTES = 65536;
/** No request of ours takes long; a lost answer must not stop the daemon. */
const TIMEOUT_S = 5n;
/** Datagrams read for one request at most. */
const DATAGRAMS_MAX = 100_000;

export const NETLINK = Object.freeze({ ROUTE: 0, NETFILTER: 12 });

export interface NetlinkSocket {
  /**
   * Sends all requests at once and answers the messages each got back, in the order of the requests.
   * @throws KernelError of the first that failed; those after it were done all the same.
   */
  request(requests: readonly Request[]): Message[][];
  /** As `request` for one that answers with a list. */
  dump(request: Request): Message[];
  /** For nfnetlink: sends as it is, answers the messages from sequence number `first` up to the acknowledgement of `last` or an error of `first`. */
  exchange(datagram: Uint8Array, first: number, last: number): Message[];
  nextSequence(): number;
  close(): void;
}

/** The error a NLMSG_ERROR message carries, undefined for an acknowledgement. */
export function errorOf(message: Message, action: string): KernelError | undefined {
  const { body, flags } = message;
  if (body.length < 20) throw new SkiffError("data_loss", "parse netlink error: too short");
  const errno = -new DataView(body.buffer, body.byteOffset).getInt32(0, true);
  if (errno === 0) return undefined;
  const hint =
    flags & NLM_F_ACK_TLVS
      ? readString(parseAttributes(body.subarray(20)).get(NLMSGERR_ATTR_MSG))
      : undefined;
  return new KernelError(hint === undefined ? action : `${action}: ${hint}`, errno);
}

function setUp(fd: number): void {
  const timeout = new BigInt64Array([TIMEOUT_S, 0n]);
  const one = new Int32Array([1]);
  check(
    () => "set netlink timeout",
    (c) => c.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, 16),
  );
  // Both only make errors shorter and clearer; old kernels lack them.
  libc().setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, one, 4);
  libc().setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, one, 4);
}

const scratch = new Uint8Array(BUFFER_BYTES);

function receive(fd: number): Message[] {
  const length = check(
    () => "receive from netlink",
    (c) => c.recv(fd, scratch, BUFFER_BYTES, MSG_TRUNC),
  );
  if (length > BUFFER_BYTES)
    throw new SkiffError("data_loss", `receive from netlink: datagram of ${length} bytes`);
  return parseMessages(scratch.slice(0, length));
}

function send(fd: number, bytes: Uint8Array): void {
  check(
    () => "send to netlink",
    (c) => c.sendto(fd, bytes, bytes.length, 0, null, 0),
  );
}

export function openNetlink(protocol: number): NetlinkSocket {
  const fd = check(
    () => "open netlink socket",
    (c) => c.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol),
  );
  setUp(fd);
  let sequence = 0;
  const nextSequence = () => (sequence = (sequence + 1) >>> 0 || 1);

  /** Reads until `done` says so; messages of earlier, timed-out requests are dropped. */
  const collect = (first: number, done: (message: Message) => boolean): void => {
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      for (const message of receive(fd)) {
        if (message.sequence >= first && done(message)) return;
      }
    }
    throw new SkiffError("data_loss", "receive from netlink: answer does not end");
  };

  const request = (requests: readonly Request[]): Message[][] => {
    if (requests.length === 0) return [];
    const first = sequence + 1;
    const answers: Message[][] = requests.map(() => []);
    let failure: KernelError | undefined;
    let left = requests.length;
    send(
      fd,
      concat(requests.map((one) => encodeMessage({ ...one, flags: one.flags | NLM_F.ACK }, nextSequence()))),
    );
    collect(first, (message) => {
      const index = message.sequence - first;
      if (message.type !== NLMSG_ERROR) answers[index]?.push(message);
      else {
        failure ??= errorOf(message, requests[index]?.action ?? "netlink request");
        left--;
      }
      return left === 0;
    });
    if (failure !== undefined) throw failure;
    return answers;
  };

  const dumpOnce = (one: Request): Message[] | undefined => {
    const found: Message[] = [];
    let interrupted = false;
    const own = nextSequence();
    send(fd, encodeMessage({ ...one, flags: one.flags | NLM_F.DUMP }, own));
    collect(own, (message) => {
      if (message.flags & NLM_F.DUMP_INTR) interrupted = true;
      if (message.type === NLMSG_DONE) return true;
      if (message.type !== NLMSG_ERROR) found.push(message);
      else {
        const error = errorOf(message, one.action);
        if (error !== undefined) throw error;
      }
      return false;
    });
    return interrupted ? undefined : found;
  };

  return {
    request,
    nextSequence,
    dump(one) {
      // The kernel says when the list changed while it was read.
      for (let attempt = 0; attempt < 10; attempt++) {
        const found = dumpOnce(one);
        if (found !== undefined) return found;
      }
      throw new SkiffError("aborted", `${one.action}: changes faster than it can be read`);
    },
    exchange(datagram, first, last) {
      const found: Message[] = [];
      send(fd, datagram);
      collect(first, (message) => {
        found.push(message);
        return message.type === NLMSG_ERROR && (message.sequence === last || message.sequence === first);
      });
      return found;
    },
    close: () => void libc().close(fd),
  };
}
