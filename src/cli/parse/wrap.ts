/** Text broken into lines as pflag breaks a flag's usage: at white space, and a last short word may stand out a little. */

const SLOP = 5;
/** Narrower than this there is no sense in a column: the text goes below. */
const COLUMN_MIN = 24;
const NARROW_INDENT = 16;

/** Where the first line of `text` ends, at most `width` characters; its end when all of it fits. */
function cutAt(text: string, width: number): number {
  if (width + SLOP > text.length) return text.length;
  const head = text.slice(0, width);
  const space = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\t"), head.lastIndexOf("\n"));
  if (space <= 0) return text.length;
  const line = head.lastIndexOf("\n");
  return line > 0 && line < space ? line : space;
}

/** The first line stands where the caller is, the others are indented. `columns` counts from the left edge. */
export function wrapText(text: string, indent: number, columns: number): string {
  const narrow = columns - indent < COLUMN_MIN;
  const left = narrow ? NARROW_INDENT : indent;
  const separator = `\n${" ".repeat(left)}`;
  if (columns - left < COLUMN_MIN) return text.replaceAll("\n", separator);
  const lines: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const end = cutAt(rest, columns - left - SLOP);
    lines.push(rest.slice(0, end).replaceAll("\n", separator));
    rest = rest.slice(end + 1);
  }
  return (narrow ? separator : "") + lines.join(separator);
}
