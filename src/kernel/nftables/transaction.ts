/** All or nothing: nftables takes a batch of messages as one transaction. And what can be asked of it. */
import { SkiffError } from "../../lib/errors.ts";
import { unless } from "../errno.ts";
import {
  attribute,
  type Bytes,
  concat,
  encodeMessage,
  type Message,
  NLM_F,
  NLMSG_ERROR,
  parseAttributes,
  type Request,
  readBe32,
  readString,
  string,
} from "../netlink/message.ts";
import { errorOf, NETLINK, type NetlinkSocket, openNetlink } from "../netlink/socket.ts";
import { family, forIpv6, MSG, messageType, NFPROTO_IPV4, object } from "./objects.ts";

const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;
/** AF_UNSPEC, version 0, subsystem nf_tables in network order. */
const BATCH_BODY = Uint8Array.of(0, 0, 0, 10);

export interface ForeignRule {
  readonly handle: bigint;
  readonly comment: string;
}

export interface ForeignChain {
  /** False: what no rule decides is dropped. */
  readonly accepts: boolean;
}

export interface Nftables {
  /** @throws KernelError of the first request that failed; nothing is changed then. */
  commit(requests: readonly Request[]): void;
  /** Grows with each transaction of anybody. */
  generation(): number;
  hasTable(table: string): boolean;
  /** Of the family `ip6`. */
  hasTable6(table: string): boolean;
  /** Any chain of an `ip` table; undefined when there is none. */
  chain(table: string, chain: string): ForeignChain | undefined;
  rules(table: string, chain: string): ForeignRule[];
  close(): void;
}

/** Messages of `body` after struct nfgenmsg. */
const attributesOf = (message: Message) => parseAttributes(message.body.subarray(4));

function commit(socket: NetlinkSocket, requests: readonly Request[]): void {
  if (requests.length === 0) return;
  const begin = socket.nextSequence();
  const actions = new Map<number, string>([[begin, "change nftables"]]);
  const parts: Bytes[] = [encodeMessage({ type: BATCH_BEGIN, flags: 0, body: BATCH_BODY }, begin)];
  let last = begin;
  requests.forEach((request, index) => {
    last = socket.nextSequence();
    actions.set(last, request.action);
    // One acknowledgement, for the last message, tells that all have been looked at; errors come unasked.
    const flags = request.flags | (index === requests.length - 1 ? NLM_F.ACK : 0);
    parts.push(encodeMessage({ ...request, flags }, last));
  });
  parts.push(encodeMessage({ type: BATCH_END, flags: 0, body: BATCH_BODY }, socket.nextSequence()));
  for (const message of socket.exchange(concat(parts), begin, last)) {
    if (message.type !== NLMSG_ERROR) continue;
    const error = errorOf(message, actions.get(message.sequence) ?? "change nftables");
    if (error !== undefined) throw error;
  }
}

function commentOf(userdata: Bytes | undefined): string {
  if (userdata === undefined || userdata[0] !== 0) return "";
  return readString(userdata.subarray(2, 2 + (userdata[1] ?? 0))) ?? "";
}

export function openNftables(): Nftables {
  const socket = openNetlink(NETLINK.NETFILTER);
  const ask = (message: number, action: string, ...names: readonly [type: number, name: string][]) =>
    unless(["ENOENT"], () =>
      socket.request([
        object(
          message,
          0,
          action,
          names.map(([type, value]) => attribute(type, string(value))),
        ),
      ]),
    )?.[0]?.[0];
  return {
    commit: (requests) => commit(socket, requests),
    generation() {
      const answer = ask(MSG.GETGEN, "get nftables generation");
      const id = answer === undefined ? undefined : readBe32(attributesOf(answer).get(1));
      if (id === undefined) throw new SkiffError("data_loss", "get nftables generation: no answer");
      return id;
    },
    hasTable6: (table) =>
      unless(["ENOENT"], () =>
        socket.request([
          forIpv6(object(MSG.GETTABLE, 0, `find table ${table}`, [attribute(1, string(table))])),
        ]),
      ) !== undefined,
    hasTable: (table) => ask(MSG.GETTABLE, `find table ${table}`, [1, table]) !== undefined,
    chain(table, chain) {
      const answer = ask(MSG.GETCHAIN, `find chain ${table} ${chain}`, [1, table], [3, chain]);
      return answer === undefined ? undefined : { accepts: readBe32(attributesOf(answer).get(5)) !== 0 };
    },
    rules(table, chain) {
      const body = concat([family(NFPROTO_IPV4), attribute(1, string(table)), attribute(2, string(chain))]);
      const request = {
        type: messageType(MSG.GETRULE),
        flags: 0,
        body,
        action: `list rules of ${table} ${chain}`,
      };
      return socket.dump(request).map((message) => {
        const attributes = attributesOf(message);
        const handle = attributes.get(3);
        if (handle?.length !== 8) throw new SkiffError("data_loss", "parse nftables rule: no handle");
        return {
          handle: new DataView(handle.buffer, handle.byteOffset).getBigUint64(0),
          comment: commentOf(attributes.get(7)),
        };
      });
    },
    close: () => socket.close(),
  };
}
