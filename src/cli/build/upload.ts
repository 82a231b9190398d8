/** Counts what is sent: on a terminal as it goes, elsewhere once at its end. */
import { humanSize } from "../format/units.ts";
import type { Screen } from "../progress/display.ts";

/** Shown again when this much more was sent. */
const STEP_BYTES = 512 * 1024;
const COLUMNS = 8;

export async function* counted(
  body: AsyncIterable<Uint8Array>,
  { terminal, write }: Screen,
): AsyncGenerator<Uint8Array, void> {
  const line = (bytes: number) =>
    `Sending build context to Docker daemon ${humanSize(bytes).padStart(COLUMNS)}\r`;
  let sent = 0;
  let shown = 0;
  for await (const piece of body) {
    sent += piece.length;
    if (terminal && sent - shown > STEP_BYTES) {
      write(line(sent));
      shown = sent;
    }
    yield piece;
  }
  write(`${line(sent)}\r\n`);
}
