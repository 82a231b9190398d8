/** The size of the user's terminal, told to the process on the other side, now and whenever it changes. */
import { windowSize } from "../../kernel/stdout.ts";
import type { Client } from "../transport/client.ts";

const STDOUT = 1;
const TRIES = 10;
const PAUSE_MS = 10;

/** `path`: `/containers/x/resize` or `/exec/x/resize`. Answers the end of following. */
export function followSize(client: Client, path: string): () => void {
  const tell = async (): Promise<boolean> => {
    const size = windowSize(STDOUT);
    if (size === undefined) return true;
    try {
      await client.post(path, { query: { h: size.rows, w: size.columns } });
      return true;
    } catch {
      return false;
    }
  };
  const first = async (): Promise<void> => {
    // The process may not be started yet.
    for (let tries = 0; tries < TRIES && !(await tell()); tries++) await Bun.sleep(PAUSE_MS * (tries + 1));
  };
  void first();
  const changed = () => void tell();
  process.on("SIGWINCH", changed);
  return () => void process.off("SIGWINCH", changed);
}
