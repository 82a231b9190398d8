/** `--sig-proxy`: signals that come to us go to the container instead. */
import { constants } from "node:os";
import type { Client } from "../transport/client.ts";

/** Not those that are about us: SIGCHLD, SIGPIPE, SIGURG, and those that cannot be caught. */
const OURS = new Set([
  "SIGCHLD",
  "SIGPIPE",
  "SIGURG",
  "SIGKILL",
  "SIGSTOP",
  "SIGWINCH",
  "SIGPROF",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGCONT",
  "SIGSEGV",
  "SIGBUS",
  "SIGFPE",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGIOT",
  "SIGSYS",
  "SIGUNUSED",
  "SIGSTKFLT",
  "SIGVTALRM",
  "SIGALRM",
  "SIGPOLL",
  "SIGIO",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGPWR",
]);

export function proxySignals(client: Client, id: string): () => void {
  const handlers = (Object.keys(constants.signals) as NodeJS.Signals[])
    .filter((name) => !OURS.has(name))
    .map((name) => {
      // It may have ended meanwhile.
      const handler = () =>
        void client.post(`/containers/${id}/kill`, { query: { signal: name } }).catch(() => {});
      process.on(name, handler);
      return [name, handler] as const;
    });
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
