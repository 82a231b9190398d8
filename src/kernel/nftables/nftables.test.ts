import { afterAll, expect, test } from "bun:test";
import { parseCidr } from "../netlink/ipv4.ts";
import { be16, u8 } from "../netlink/message.ts";
import * as match from "./expressions.ts";
import {
  addChain,
  addElements,
  addMap,
  addTable,
  appendRule,
  deleteElements,
  deleteRule,
  deleteTable,
  insertRule,
  type MapShape,
} from "./objects.ts";
import { openNftables } from "./transaction.ts";

const table = `skkt-${Buffer.from(crypto.getRandomValues(new Uint8Array(3))).toString("hex")}`;
const nftables = openNftables();
const map: MapShape = {
  table,
  name: "m",
  key: ["inet_proto", "inet_service"],
  value: ["ipv4_addr", "inet_service"],
};
/** The genuine program says what the kernel has understood. */
const listed = () => Bun.spawnSync(["nft", "list", "table", "ip", table]).stdout.toString();
afterAll(() => {
  nftables.commit([addTable(table), deleteTable(table)]);
  nftables.close();
});

test("a table with chains, rules and a map reads as nft writes it", () => {
  const rule = (...expressions: match.Expression[]) => appendRule({ table, chain: "c", expressions });
  const element = (port: number) => [u8(6), be16(port)];
  nftables.commit([
    addTable(table),
    addMap(map, 1),
    addChain(table, "other"),
    addChain(table, "c", { type: "nat", hook: "prerouting", priority: -100 }),
    rule(...match.comesFrom("eth9"), ...match.destinationIn(parseCidr("10.0.0.0/8")), ...match.leave()),
    rule(...match.destinationIsLocal(), ...match.jump("other")),
    rule(...match.redirectBy("m", false)),
    addElements(map, [{ key: element(80), value: [Uint8Array.of(10, 1, 2, 3), be16(8080)] }]),
    insertRule({ table, chain: "c", expressions: match.accept(), comment: "first" }),
  ]);
  const text = listed();
  for (const line of [
    "elements = { tcp . 80 : 10.1.2.3 . 8080 }",
    'iifname "eth9" ip daddr 10.0.0.0/8 return',
    "fib daddr type local jump other",
    "dnat ip to meta l4proto . th dport map @m",
    'accept comment "first"',
  ])
    expect(text).toContain(line);
  nftables.commit([deleteElements(map, [element(80)])]);
  expect(listed()).not.toContain("elements");
  const rules = nftables.rules(table, "c");
  expect(rules.map(({ comment }) => comment)).toEqual(["first", "", "", ""]);
  nftables.commit([deleteRule(table, "c", rules[0]!.handle)]);
  expect(listed()).not.toContain("first");
  expect(nftables.chain(table, "c")).toEqual({ accepts: true });
  expect(nftables.chain(table, "none")).toBeUndefined();
});

test("a failing transaction changes nothing and says what failed", () => {
  const generation = nftables.generation();
  expect(() => nftables.commit([addChain(table, "new"), deleteElements(map, [[u8(6), be16(9)]])])).toThrow(
    /delete element of .* m.*ENOENT/,
  );
  expect(listed()).not.toContain("chain new");
  expect(() => nftables.commit([addChain("skkt-none", "x")])).toThrow("ENOENT");
  nftables.commit([addChain(table, "new")]);
  expect(nftables.generation()).toBeGreaterThan(generation);
  expect(nftables.hasTable(table)).toBe(true);
  expect(nftables.hasTable("skkt-none")).toBe(false);
});
