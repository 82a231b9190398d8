import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { encodePlan } from "./encode.ts";
import { createPlanBuilder, OPERATIONS, SLOT } from "./ops.ts";
import { printPlan } from "./print.ts";

const header = readFileSync(resolve(import.meta.dir, "../../../native/ops.h"), "utf8");

test("the list of operations is the executor's, in its order", () => {
  const native = [...header.matchAll(/^\tX\((\w+),\s*"(\w*)"\)/gm)].map(([, name, signature]) => [
    name,
    signature,
  ]);
  expect(Object.entries(OPERATIONS)).toEqual(native as [never, never][]);
  expect(header).toContain(`SLOTS = ${SLOT.count}`);
  expect(header).toContain(`SLOT_NONE = ${SLOT.none}`);
});

test("an operation's bytes", () => {
  const plan = createPlanBuilder();
  plan.host("mkdir_host", "mkdir", "/a", 0o755);
  plan.meet();
  plan.init("exec", "", ["ä", ""], []);
  const bytes = Buffer.from(encodePlan({ trace: true, operations: plan.operations }));
  const head = "534b504c 0100 0100 03000000";
  const mkdir = "08 00 03 00 | 06000000 6d6b64697200 | 03000000 2f6100 | 08000000 ed01000000000000";
  const meet = "01 03 01 00 | 01000000 00";
  const code = Object.keys(OPERATIONS).indexOf("exec").toString(16);
  const exec = `${code} 02 03 00 | 01000000 00 | 04000000 c3a40000 | 00000000`;
  const mkdirCode = Object.keys(OPERATIONS).indexOf("mkdir_host").toString(16).padStart(2, "0");
  const wanted = [head, mkdir.replace("08", mkdirCode), meet, exec].join("").replace(/[\s|]/g, "");
  expect(bytes.toString("hex")).toBe(wanted);
});

test("a NUL in a string is refused", () => {
  const plan = createPlanBuilder();
  plan.init("hostname", "", "a\0b");
  expect(() => encodePlan({ trace: false, operations: plan.operations })).toThrow("NUL");
});

test("early operations come before the mark, in their order", () => {
  const plan = createPlanBuilder();
  plan.host("clone", "", 0, 0);
  plan.markEarly();
  plan.host("map", "", "uid_map", "");
  plan.early("tree", "", 3, SLOT.none, "/a", 0);
  plan.early("tree", "", 4, SLOT.none, "/b", 0);
  expect(printPlan({ trace: false, operations: plan.operations })).toBe(
    'host  clone 0 0\nhost  tree 3 0xffff "/a" 0\nhost  tree 4 0xffff "/b" 0\nhost  map "uid_map" ""\n',
  );
});
