/** The size of the user's terminal, told to the process on the other side, now and whenever it changes. */
import { windowSize } from "../../kernel/stdout.ts";
import type { Client } from "../transport/client.ts";

const STDOUT = 1;
const TRIES = 10;
const PAUSE_MS = 10;

/** `path`: `/containers/x/resize` or `/exec/x/resize`. Answers the end of following. `redraw`: the process runs already. */
export function followSize(client: Client, path: string, redraw = false): () => void {
  const tell = async (more = 0): Promise<boolean> => {
    const size = windowSize(STDOUT);
    if (size === undefined) return true;
    try {
      await client.post(path, { query: { h: size.rows + more, w: size.columns + more } });
      return true;
    } catch {
      return false;
    }
  };
  const first = async (): Promise<void> => {
    // A program that has drawn its screen for somebody else draws it again when the size changes.
    if (redraw) await tell(1);
    // The process may not be started yet.
    for (let tries = 0; tries < TRIES && !(await tell()); tries++) await Bun.sleep(PAUSE_MS * (tries + 1));
  };
  void first();
  const changed = () => void tell();
  process.on("SIGWINCH", changed);
  return () => void process.off("SIGWINCH", changed);
}
