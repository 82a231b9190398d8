/** Two connected stream sockets, closed on exec: one for us, one for a child to inherit. Whoever asks closes both. */
import { check } from "../kernel/libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;

export function socketPair(): [number, number] {
  const pair = new Int32Array(2);
  check(
    () => "make socket pair",
    (libc) => libc.socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair),
  );
  return [pair[0]!, pair[1]!];
}
