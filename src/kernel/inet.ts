/**
 * Sockets as descriptors, for those that must be opened inside a network namespace: a socket stays in the namespace of the thread that made
 * it, whoever uses it later. `dgram.bind({ fd })`, `net.Server.listen({ fd })` and `Bun.connect({ fd })` take them over. All are non-blocking and
 * closed on exec.
 */
import { unless } from "./errno.ts";
import { check, libc } from "./libc.ts";
import { formatIpv4, ipv4Bytes } from "./netlink/ipv4.ts";
import { formatIpv6, ipv6Bytes } from "./netlink/ipv6.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_FLAGS = 0o2000000 | 0o4000;
const BACKLOG = 128;
const ADDRESS_BYTES = 16;
const ADDRESS6_BYTES = 28;

/** IPv4 as a number, IPv6 as a bigint. */
export type Ip = number | bigint;

const familyOf = (ip: Ip) => (typeof ip === "bigint" ? AF_INET6 : AF_INET);
const where = (ip: Ip, port: number) =>
  typeof ip === "bigint" ? `[${formatIpv6(ip)}]:${port}` : `${formatIpv4(ip)}:${port}`;

/** struct sockaddr_in, struct sockaddr_in6 */
function addressBytes(ip: Ip, port: number): Uint8Array {
  const bytes = new Uint8Array(typeof ip === "bigint" ? ADDRESS6_BYTES : ADDRESS_BYTES);
  bytes[0] = familyOf(ip);
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  if (typeof ip === "bigint") bytes.set(ipv6Bytes(ip), 8);
  else bytes.set(ipv4Bytes(ip), 4);
  return bytes;
}

function open(ip: Ip, type: number, prepare: (fd: number) => void): number {
  const fd = check(
    () => "make socket",
    (c) => c.socket(familyOf(ip), type | SOCK_FLAGS, 0),
  );
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function bind(fd: number, ip: Ip, port: number): void {
  const address = addressBytes(ip, port);
  check(
    () => `bind ${where(ip, port)}`,
    (c) => c.bind(fd, address, address.length),
  );
}

function connect(fd: number, ip: Ip, port: number): void {
  const address = addressBytes(ip, port);
  check(
    () => `connect to ${where(ip, port)}`,
    (c) => c.connect(fd, address, address.length),
  );
}

/** @param port 0 is any free one */
export function listenUdp(ip: Ip, port: number): number {
  return open(ip, SOCK_DGRAM, (fd) => bind(fd, ip, port));
}

export function listenTcp(ip: Ip, port: number): number {
  return open(ip, SOCK_STREAM, (fd) => {
    bind(fd, ip, port);
    check(
      () => `listen on ${where(ip, port)}`,
      (c) => c.listen(fd, BACKLOG),
    );
  });
}

/** Gets packets of this address and port only. */
export function connectUdp(ip: Ip, port: number): number {
  return open(ip, SOCK_DGRAM, (fd) => connect(fd, ip, port));
}

/** Answers while the connection is still being made. */
export function connectTcp(ip: Ip, port: number): number {
  return open(ip, SOCK_STREAM, (fd) => void unless(["EINPROGRESS"], () => connect(fd, ip, port)));
}

/** The port an IPv4 socket is bound to. */
export function localPort(fd: number): number {
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([ADDRESS_BYTES]);
  check(
    () => "ask for the socket's port",
    (c) => c.getsockname(fd, address, length),
  );
  return (address[2]! << 8) | address[3]!;
}

export function closeSocket(fd: number): void {
  libc().close(fd);
}
