/** Two connected stream sockets. */
import { check } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;

export function socketPair(): readonly [number, number] {
  const pair = new Int32Array(2);
  check(
    () => "make socket pair",
    (c) => c.socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair),
  );
  return [pair[0]!, pair[1]!];
}
