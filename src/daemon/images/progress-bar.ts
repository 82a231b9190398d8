/** The `progress` text of a progress line: a bar and sizes, as dockerd writes them for clients that print lines as they come. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Go's %.4g with a decimal unit. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}

const WIDTH = 50;

/** "" when there is nothing to count. */
export function progressBar(current: number, total: number): string {
  if (current <= 0 && total <= 0) return "";
  const now = humanSize(current).padStart(8);
  if (total <= 0) return now;
  const filled = Math.min(WIDTH, Math.floor((current / total) * WIDTH));
  const bar = `[${"=".repeat(filled)}>${" ".repeat(Math.max(0, WIDTH - filled))}] `;
  return current > total ? `${bar}${now}` : `${bar}${now}/${humanSize(total)}`;
}
