import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Attachment, Endpoint } from "../network.ts";
import {
  addressRecord,
  answerCode,
  encodeAnswer,
  encodeFormatError,
  parseQuery,
  type Query,
  RCODE,
  reversedAddress,
  TYPE,
  withId,
} from "./message.ts";
import { NameIndex, resolveAddress, resolveName } from "./names.ts";

function query(name: string, type: number = TYPE.A, more: readonly number[] = []): Uint8Array {
  const labels = name.split(".").flatMap((one) => [one.length, ...Buffer.from(one)]);
  const extra = more.length > 0 ? 1 : 0;
  return Uint8Array.of(7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, extra, ...labels, 0, 0, type, 0, 1, ...more);
}

test("a query, with and without EDNS", () => {
  expect(parseQuery(query("db.green"))).toMatchObject({
    ...{ id: 0x0709, name: "db.green", type: TYPE.A, class: 1, recursion: true, sizeMax: 512 },
  });
  expect(parseQuery(query("db", TYPE.AAAA, [0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0]))?.sizeMax).toBe(4096);
  expect(parseQuery(query("db").subarray(0, 19))).toBeUndefined();
  const pointer = Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1);
  expect(parseQuery(pointer)).toBeUndefined();
});

test("answers fit, or say that they do not", () => {
  const asked = parseQuery(query("db")) as Query;
  const records = Array.from({ length: 100 }, (_, index) => addressRecord(`10.0.0.${index}`));
  const whole = encodeAnswer(asked, RCODE.OK, records);
  expect([whole.readUInt16BE(6), whole[2]! & 2, whole[3]! & 15]).toEqual([100, 0, 0]);
  const cut = encodeAnswer(asked, RCODE.OK, records, 512);
  expect(cut.length).toBeLessThanOrEqual(512);
  expect(cut[2]! & 2).toBe(2);
  expect(answerCode(withId(cut, 5), 5, asked.question)).toBe(RCODE.OK);
  expect(answerCode(cut, 5, asked.question)).toBeUndefined();
  expect(answerCode(cut, asked.id, (parseQuery(query("dc")) as Query).question)).toBeUndefined();
  expect(encodeFormatError(query("db").subarray(0, 14))?.[3]).toBe(RCODE.FORMERR);
  expect(encodeFormatError(cut)).toBeUndefined();
});

test("reverse names", () => {
  expect(reversedAddress("4.3.2.1.IN-addr.arpa")).toBe("1.2.3.4");
  expect(reversedAddress("3.2.1.in-addr.arpa")).toBeUndefined();
});

test("whatever a container sends, nothing throws and an answer belongs to its question", () => {
  const mangled = fc
    .tuple(fc.constantFrom(query("db"), query("a.b.c.d", TYPE.PTR)), fc.nat(60), fc.nat(255))
    .map(([bytes, at, value]) => {
      const copy = Uint8Array.from(bytes);
      copy[at % copy.length] = value;
      return copy;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mangled), (bytes) => {
      const parsed = parseQuery(bytes);
      const answer = parsed === undefined ? encodeFormatError(bytes) : encodeAnswer(parsed, RCODE.SERVFAIL);
      if (parsed !== undefined) {
        expect(parsed.name.length).toBeLessThanOrEqual(255);
        expect(answerCode(answer!, parsed.id, parsed.question)).toBe(RCODE.SERVFAIL);
      } else if (answer !== undefined)
        expect(Buffer.from(answer.subarray(0, 2))).toEqual(Buffer.from(bytes.subarray(0, 2)));
    }),
    { numRuns: 2000 },
  );
});

const endpoint = (network: string, ip: string, dnsNames: readonly string[]): Endpoint => ({
  ...{ networkId: `id-${network}`, network, endpointId: "", interface: "eth0", ip, prefix: 24, gateway: "" },
  ...{ ip6: "", prefix6: 0, gateway6: "" },
  ...{ mac: "", gwPriority: 0, dnsNames, links: {} },
});
const of = (...endpoints: readonly Endpoint[]) => ({ endpoints }) as unknown as Attachment;

test("names and networks with dots: every split is tried, the whole name first", () => {
  const index = new NameIndex();
  for (const one of [
    endpoint("x.y", "10.0.0.1", ["a"]),
    endpoint("y", "10.0.0.2", ["a.x"]),
    endpoint("y", "10.0.0.3", ["A.X.Y"]),
  ])
    index.add(one);
  const viewer = of(endpoint("x.y", "", []), endpoint("y", "", []));
  expect(resolveName(index, viewer, "a.x.y")).toEqual(["10.0.0.3"]);
  index.remove(endpoint("y", "10.0.0.3", ["A.X.Y"]));
  expect(resolveName(index, viewer, "a.x.y")).toEqual(["10.0.0.2"]);
  index.remove(endpoint("y", "10.0.0.2", ["a.x"]));
  expect(resolveName(index, viewer, "a.x.y")).toEqual(["10.0.0.1"]);
  expect(resolveAddress(index, viewer, "10.0.0.1")).toBe("a.x.y");
  expect(resolveName(index, of(endpoint("y", "", [])), "a")).toBeUndefined();
  index.remove(endpoint("x.y", "10.0.0.1", ["a"]));
  expect(resolveName(index, viewer, "a")).toBeUndefined();
});

test("adding and removing leaves what was there before", () => {
  const name = fc.constantFrom("a", "b", "B", "c.d");
  const names = fc.array(name, { maxLength: 4 });
  fc.assert(
    fc.property(names, names, (first, second) => {
      const index = new NameIndex();
      const seen = () => ["a", "b", "c.d"].map((one) => [...index.addresses("id-n", one)]);
      index.add(endpoint("n", "10.0.0.1", first));
      const before = seen();
      index.add(endpoint("n", "10.0.0.2", second));
      index.remove(endpoint("n", "10.0.0.2", second));
      expect(seen()).toEqual(before);
    }),
  );
});
