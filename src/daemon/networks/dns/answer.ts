/** What the embedded server knows by itself. */
import type { Attachment } from "../network.ts";
import {
  addressRecord,
  encodeAnswer,
  pointerRecord,
  type Query,
  RCODE,
  reversedAddress,
  TYPE,
} from "./message.ts";
import { type NameIndex, resolveAddress, resolveName } from "./names.ts";

const CLASS_IN = 1;

/** Another order for every answer, so that many copies of a service share the load. */
function shuffled<T>(list: readonly T[]): T[] {
  const copy = [...list];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [copy[last], copy[other]] = [copy[other]!, copy[last]!];
  }
  return copy;
}

/** undefined: ask another server. */
export function answerLocally(
  index: NameIndex,
  of: Attachment,
  query: Query,
  sizeMax: number,
): Buffer | undefined {
  if (query.class !== CLASS_IN || query.name === "") return undefined;
  if (query.type === TYPE.PTR) {
    const address = reversedAddress(query.name);
    const name = address === undefined ? undefined : resolveAddress(index, of, address);
    return name === undefined ? undefined : encodeAnswer(query, RCODE.OK, [pointerRecord(name)], sizeMax);
  }
  const addresses = resolveName(index, of, query.name);
  if (addresses === undefined) return undefined;
  // The name is ours: of another kind (MX …) it has nothing, and nobody else is asked.
  const isAsked = (ip: string) =>
    query.type === TYPE.ANY || query.type === (ip.includes(":") ? TYPE.AAAA : TYPE.A);
  return encodeAnswer(query, RCODE.OK, shuffled(addresses.filter(isAsked)).map(addressRecord), sizeMax);
}
