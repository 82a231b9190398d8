/** Debian's python3-docker against skiffd: what people's scripts do with it. */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { runScenario, type Scenario } from "./steps.ts";

const STEPS = [
  ...["daemon", "image_pull", "image_list_and_inspect", "image_tag_and_remove", "image_missing"],
  ...["run", "run_fails", "create_and_start", "logs", "exec_run", "stats_once", "top", "archives", "commit"],
  ...["wait_and_remove", "rename_pause_update", "networks", "volumes", "events", "prune"],
];

let scenario: Scenario;
beforeAll(async () => {
  scenario = await runScenario(["/usr/bin/python3", "-I", "test/clients/docker-py.py"]);
}, 120_000);
afterAll(() => scenario?.[Symbol.asyncDispose](), 60_000);

describe("python3-docker", () => {
  test.each(STEPS)("%s", (step) => scenario.check(step));
});
