/**
 * Ports of the host given to containers. Each is held by a bound socket of skiffd, so that another program's bind fails and ours sees another
 * program's; packets never reach the socket, because nftables sends them on before.
 */
import { readFileSync } from "node:fs";
import { errnoOf, KernelError } from "../../kernel/errno.ts";
import { check, libc } from "../../kernel/libc.ts";
import { formatIpv4, ipv4Bytes } from "../../kernel/netlink/ipv4.ts";
import { be16, u16 } from "../../kernel/netlink/message.ts";
import { SkiffError } from "../../lib/errors.ts";

export type Protocol = "tcp" | "udp";

export interface HostPort {
  readonly protocol: Protocol;
  /** 0: every address. */
  readonly ip: number;
  readonly port: number;
}

export interface HostPorts {
  /** @throws in Docker's words. `target` is `172.17.0.2:80/tcp`. */
  reserve(wanted: HostPort, target: string): void;
  /** The first free one of a range, or of the machine's range for outgoing connections when none is given. */
  reserveAny(protocol: Protocol, ip: number, target: string, range?: readonly [number, number]): number;
  free(port: HostPort): void;
  /** Gives all of them back. */
  close(): void;
}

const AF_INET = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_TYPES = { tcp: 1, udp: 2 } as const;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const RANGE_PATH = "/proc/sys/net/ipv4/ip_local_port_range";

function bindSocket({ protocol, ip, port }: HostPort, reuse: boolean): number {
  const fd = check(
    () => "make socket",
    (c) => c.socket(AF_INET, SOCK_TYPES[protocol] | SOCK_CLOEXEC, 0),
  );
  const address = new Uint8Array(16);
  address.set(u16(AF_INET));
  address.set(be16(port), 2);
  address.set(ipv4Bytes(ip), 4);
  libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUF, new Int32Array([0]), 4);
  if (reuse) libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4);
  try {
    check(
      () => `bind ${formatIpv4(ip)}:${port}/${protocol}`,
      (c) => c.bind(fd, address, address.length),
    );
  } catch (error) {
    libc().close(fd);
    throw error;
  }
  return fd;
}

/** A connection of the past (TIME_WAIT) does not keep a port; a listening program does, with SO_REUSEADDR as well. */
function hold(port: HostPort): number {
  try {
    return bindSocket(port, false);
  } catch (error) {
    if (errnoOf(error) !== "EADDRINUSE" || port.protocol !== "tcp") throw error;
    return bindSocket(port, true);
  }
}

function localRange(): readonly [number, number] {
  const [low, high] = readFileSync(RANGE_PATH, "utf8").trim().split(/\s+/).map(Number);
  return [low || 32768, high || 60999];
}

export function createHostPorts(): HostPorts {
  /** Descriptor by address, by `tcp/80`. */
  const held = new Map<string, Map<number, number>>();
  /** Where the search for any free port goes on: a port that was just freed is not given out at once. */
  const next = new Map<string, number>();
  const keyOf = ({ protocol, port }: HostPort) => `${protocol}/${port}`;

  const isHeld = (wanted: HostPort): boolean => {
    const addresses = held.get(keyOf(wanted));
    return addresses !== undefined && (wanted.ip === 0 || addresses.has(0) || addresses.has(wanted.ip));
  };
  const reserve = (wanted: HostPort, target: string): void => {
    const name = `${formatIpv4(wanted.ip)}:${wanted.port}`;
    if (isHeld(wanted))
      throw new SkiffError("internal", `Bind for ${name} failed: port is already allocated`);
    try {
      const key = keyOf(wanted);
      const addresses = held.get(key) ?? new Map<number, number>();
      addresses.set(wanted.ip, hold(wanted));
      held.set(key, addresses);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw new SkiffError("internal", `failed to bind host port for ${name}:${target}: ${error.text}`, {
        cause: error,
      });
    }
  };
  const tryReserve = (wanted: HostPort, target: string): boolean => {
    if (isHeld(wanted)) return false;
    try {
      reserve(wanted, target);
      return true;
    } catch (error) {
      if (error instanceof Error && errnoOf(error.cause) === "EADDRINUSE") return false;
      throw error;
    }
  };
  return {
    reserve,
    reserveAny(protocol, ip, target, range) {
      const [low, high] = range ?? localRange();
      const start = range === undefined ? Math.max(low, next.get(protocol) ?? low) : low;
      const count = high - low + 1;
      for (let step = 0; step < count; step++) {
        const port = low + ((start - low + step) % count);
        if (!tryReserve({ protocol, ip, port }, target)) continue;
        if (range === undefined) next.set(protocol, port === high ? low : port + 1);
        return port;
      }
      if (range === undefined) throw new SkiffError("internal", "all ports are allocated");
      throw new SkiffError(
        "internal",
        `Bind for ${formatIpv4(ip)}:${low}-${high} failed: port is already allocated`,
      );
    },
    free(port) {
      const addresses = held.get(keyOf(port));
      const fd = addresses?.get(port.ip);
      if (addresses === undefined || fd === undefined) return;
      libc().close(fd);
      addresses.delete(port.ip);
      if (addresses.size === 0) held.delete(keyOf(port));
    },
    close() {
      for (const addresses of held.values()) for (const fd of addresses.values()) libc().close(fd);
      held.clear();
    },
  };
}
