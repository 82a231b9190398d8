/** The order of names that have numbers in them: `a2` before `a10`. */

const PIECE = /\d+|\D+/g;

export function naturalOrder(a: string, b: string): number {
  const [left, right] = [a.match(PIECE) ?? [], b.match(PIECE) ?? []];
  for (const [at, piece] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (piece === other) continue;
    if (/^\d/.test(piece) && /^\d/.test(other)) {
      const order = BigInt(piece) - BigInt(other);
      if (order !== 0n) return order < 0n ? -1 : 1;
      return piece.length - other.length;
    }
    return piece < other ? -1 : 1;
  }
  return left.length - right.length;
}
