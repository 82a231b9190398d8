/**
 * Connection tracking (linux/netfilter/nfnetlink_conntrack.h). An entry decides where the packets of its flow go for as long as they come; UDP
 * has no end, so a flow would go on to a container that is gone, or never find one that has just come.
 */
import { unless } from "../errno.ts";
import { ipv4Bytes } from "./ipv4.ts";
import {
  attribute,
  type Bytes,
  be16,
  concat,
  nested,
  parseAttributes,
  type Request,
  u8,
  u32,
} from "./message.ts";
import { NETLINK, openNetlink } from "./socket.ts";

const GET = (1 << 8) | 1;
const DELETE = (1 << 8) | 2;
/** struct nfgenmsg: family IPv4 */
const HEAD = Uint8Array.of(2, 0, 0, 0);
const CTA = Object.freeze({ TUPLE_ORIG: 1, TUPLE_REPLY: 2, FILTER: 25 });
const NESTED = 0x8000;
const UDP = 17;
/** Which fields of the tuples given must be equal. */
const BY_SOURCE = 1 << 0;
const BY_PROTOCOL = 1 << 3;
const BY_DESTINATION_PORT = 1 << 5;

interface Filter {
  readonly tuple: Bytes;
  readonly flags: readonly [original: number, reply: number];
}

const protocol = (...more: readonly Bytes[]) => nested(2, attribute(1, u8(UDP)), ...more);

/** Flows whose answers come from this address: those sent on to it. */
export function udpFlowsTo(address: number): Filter {
  const source = nested(1, attribute(1, ipv4Bytes(address)));
  return { tuple: nested(CTA.TUPLE_REPLY, source, protocol()), flags: [0, BY_SOURCE | BY_PROTOCOL] };
}

/** Flows that were sent to this port, of whatever address. */
export function udpFlowsToPort(port: number): Filter {
  const tuple = nested(CTA.TUPLE_ORIG, protocol(attribute(3, be16(port))));
  return { tuple, flags: [BY_DESTINATION_PORT | BY_PROTOCOL, 0] };
}

function list({ tuple, flags }: Filter): Request {
  const filter = nested(CTA.FILTER, attribute(1, u32(flags[0])), attribute(2, u32(flags[1])));
  return { type: GET, flags: 0, body: concat([HEAD, tuple, filter]), action: "list connections" };
}

function forget(original: Bytes): Request {
  const body = concat([HEAD, attribute(CTA.TUPLE_ORIG | NESTED, original)]);
  return { type: DELETE, flags: 0, body, action: "forget connection" };
}

/** Removes the flows from the kernel's memory; the next packet of each finds its way anew. Needs Linux 5.8 for the filters. */
export function forgetFlows(filters: readonly Filter[]): void {
  const socket = openNetlink(NETLINK.NETFILTER);
  try {
    for (const filter of filters) {
      for (const message of socket.dump(list(filter))) {
        const original = parseAttributes(message.body.subarray(4)).get(CTA.TUPLE_ORIG);
        // It may have ended meanwhile.
        if (original !== undefined) unless(["ENOENT"], () => socket.request([forget(original)]));
      }
    }
  } finally {
    socket.close();
  }
}
