/** dockerode, under Node as its users run it, against skiffd. */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { runScenario, type Scenario } from "./steps.ts";

const STEPS = [
  ...[
    "daemon",
    "images",
    "create",
    "attach_hijacked",
    "attach_tty",
    "run",
    "exec",
    "archives",
    "logs_follow",
  ],
  ...["stats_and_top", "lifecycle", "events", "networks", "volumes", "prune"],
];

let scenario: Scenario;
beforeAll(async () => {
  scenario = await runScenario([Bun.which("node") ?? "node", "test/clients/dockerode.mjs"]);
}, 120_000);
afterAll(() => scenario?.[Symbol.asyncDispose](), 60_000);

describe("dockerode", () => {
  test.each(STEPS)("%s", (step) => scenario.check(step));
});
