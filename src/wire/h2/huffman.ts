/**
 * HPACK's Huffman code (RFC 7541, section 5.2 and appendix B), decoding only.
 *
 * The code is canonical, so the lengths of its 257 words say everything: words of one length are consecutive numbers in the order of
 * their symbols. They are written as runs `length×count`.
 */
import { ConnectionFault, H2 } from "./frames.ts";

// biome-ignore format: a table
const RUNS: readonly (readonly [length: number, count: number])[] = [
  [13, 1], [23, 1], [28, 7], [24, 1], [30, 1], [28, 2], [30, 1], [28, 8], [30, 1], [28, 9], [6, 1], [10, 2],
  [12, 1], [13, 1], [6, 1], [8, 1], [11, 1], [10, 2], [8, 1], [11, 1], [8, 1], [6, 3], [5, 3], [6, 7],
  [7, 1], [8, 1], [15, 1], [6, 1], [12, 1], [10, 1], [13, 1], [6, 1], [7, 22], [8, 1], [7, 1], [8, 1],
  [13, 1], [19, 1], [13, 1], [14, 1], [6, 1], [15, 1], [5, 1], [6, 1], [5, 1], [6, 1], [5, 1], [6, 3],
  [5, 1], [7, 2], [6, 3], [5, 1], [6, 1], [7, 1], [6, 1], [5, 2], [6, 1], [7, 5], [15, 1], [11, 1], [14, 1],
  [13, 1], [28, 1], [20, 1], [22, 1], [20, 2], [22, 3], [23, 1], [22, 1], [23, 5], [24, 1], [23, 1],
  [24, 2], [22, 1], [23, 1], [24, 1], [23, 4], [21, 1], [22, 1], [23, 1], [22, 1], [23, 2], [24, 1],
  [22, 1], [21, 1], [20, 1], [22, 2], [23, 2], [21, 1], [23, 1], [22, 2], [24, 1], [21, 1], [22, 1],
  [23, 2], [21, 2], [22, 1], [21, 1], [23, 1], [22, 1], [23, 2], [20, 1], [22, 3], [23, 1], [22, 2],
  [23, 1], [26, 2], [20, 1], [19, 1], [22, 1], [23, 1], [22, 1], [25, 1], [26, 3], [27, 2], [26, 1],
  [24, 1], [25, 1], [19, 1], [21, 1], [26, 1], [27, 2], [26, 1], [27, 1], [24, 1], [21, 2], [26, 2],
  [28, 1], [27, 3], [20, 1], [24, 1], [20, 1], [21, 1], [22, 1], [21, 2], [23, 1], [22, 2], [25, 2],
  [24, 2], [26, 1], [23, 1], [26, 1], [27, 1], [26, 2], [27, 5], [28, 1], [27, 5], [26, 1], [30, 1],
];

const END_OF_STRING = 256;

/** Code lengths by symbol. */
export function huffmanLengths(): Uint8Array {
  const lengths = new Uint8Array(257);
  let symbol = 0;
  for (const [length, count] of RUNS) {
    lengths.fill(length, symbol, symbol + count);
    symbol += count;
  }
  return lengths;
}

/** A binary tree: `tree[2 * node + bit]` is the next node, or -1 - symbol at a leaf. */
function buildTree(): Int16Array {
  const lengths = huffmanLengths();
  const symbols = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const tree = new Int16Array(2 * 256);
  let nodes = 1;
  let code = 0;
  let codeLength = 0;
  for (const symbol of symbols) {
    const length = lengths[symbol]!;
    code <<= length - codeLength;
    codeLength = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = 2 * node + ((code >>> bit) & 1);
      if (tree[slot] === 0) tree[slot] = nodes++;
      node = tree[slot]!;
    }
    tree[2 * node + (code & 1)] = -1 - symbol;
    code++;
  }
  return tree;
}

let tree: Int16Array | undefined;

/** Decodes one string literal. Throws COMPRESSION_ERROR for the end-of-string word or wrong padding. */
export function huffmanDecode(bytes: Uint8Array): string {
  tree ??= buildTree();
  const out: number[] = [];
  let node = 0;
  let depth = 0;
  let ones = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const value = (byte >>> bit) & 1;
      const next = tree[2 * node + value]!;
      depth++;
      ones = ones && value === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      if (-1 - next === END_OF_STRING)
        throw new ConnectionFault(H2.compressionError, "huffman: end of string");
      out.push(-1 - next);
      node = 0;
      depth = 0;
      ones = true;
    }
  }
  // What is left must be the beginning of the end-of-string word: fewer than 8 bits, all of them 1.
  if (depth > 7 || !ones) throw new ConnectionFault(H2.compressionError, "huffman: padding");
  return Buffer.from(out).toString("latin1");
}
