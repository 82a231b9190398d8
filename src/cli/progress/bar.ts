/** `[=====>      ]  12.3MB/45.6MB`, as docker draws it: the bar only where the terminal is wide enough. */
import { humanSize } from "../format/units.ts";

const BAR_COLUMNS = 50;
const WIDE = 110;

export interface Progress {
  readonly current?: number;
  readonly total?: number;
  readonly units?: string;
  readonly hidecounts?: boolean;
}

/** "" when nothing is known yet. */
export function drawBar(
  { current = 0, total = 0, units = "", hidecounts }: Progress,
  columns: number,
): string {
  const show = (amount: number) => (units === "" ? humanSize(amount) : String(amount));
  if (current <= 0 && total <= 0) return "";
  if (total <= 0) return units === "" ? show(current).padStart(8) : `${current} ${units}`;
  const done = Math.min(Math.trunc(Math.trunc((current / total) * 100) / 2), BAR_COLUMNS);
  const bar = columns > WIDE ? `[${"=".repeat(done)}>${" ".repeat(BAR_COLUMNS - done)}] ` : "";
  if (hidecounts === true) return bar;
  const of = current > total ? "" : `/${show(total)}`;
  return units === "" ? `${bar}${show(current).padStart(8)}${of}` : `${bar}${current}${of} ${units}`;
}
