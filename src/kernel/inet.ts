/**
 * IPv4 sockets as descriptors, for those that must be opened inside a network namespace: a socket stays in the namespace of the thread that made
 * it, whoever uses it later. `dgram.bind({ fd })`, `net.Server.listen({ fd })` and `Bun.connect({ fd })` take them over. All are non-blocking and
 * closed on exec.
 */
import { unless } from "./errno.ts";
import { check, libc } from "./libc.ts";
import { formatIpv4, ipv4Bytes } from "./netlink/ipv4.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_FLAGS = 0o2000000 | 0o4000;
const BACKLOG = 128;
const ADDRESS_BYTES = 16;

/** struct sockaddr_in */
function addressBytes(ip: number, port: number): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  bytes[0] = AF_INET;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  bytes.set(ipv4Bytes(ip), 4);
  return bytes;
}

function open(type: number, prepare: (fd: number) => void): number {
  const fd = check(
    () => "make socket",
    (c) => c.socket(AF_INET, type | SOCK_FLAGS, 0),
  );
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

const where = (ip: number, port: number) => `${formatIpv4(ip)}:${port}`;

function bind(fd: number, ip: number, port: number): void {
  const address = addressBytes(ip, port);
  check(
    () => `bind ${where(ip, port)}`,
    (c) => c.bind(fd, address, address.length),
  );
}

function connect(fd: number, ip: number, port: number): void {
  const address = addressBytes(ip, port);
  check(
    () => `connect to ${where(ip, port)}`,
    (c) => c.connect(fd, address, address.length),
  );
}

/** @param port 0 is any free one */
export function listenUdp(ip: number, port: number): number {
  return open(SOCK_DGRAM, (fd) => bind(fd, ip, port));
}

export function listenTcp(ip: number, port: number): number {
  return open(SOCK_STREAM, (fd) => {
    bind(fd, ip, port);
    check(
      () => `listen on ${where(ip, port)}`,
      (c) => c.listen(fd, BACKLOG),
    );
  });
}

/** Gets packets of this address and port only. */
export function connectUdp(ip: number, port: number): number {
  return open(SOCK_DGRAM, (fd) => connect(fd, ip, port));
}

/** Answers while the connection is still being made. */
export function connectTcp(ip: number, port: number): number {
  return open(SOCK_STREAM, (fd) => void unless(["EINPROGRESS"], () => connect(fd, ip, port)));
}

/** The port a socket is bound to. */
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
