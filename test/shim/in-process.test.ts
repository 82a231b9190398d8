/** The Task service's suites over skiff-runc in process: outside `src`, because the shim may not know the runtime's layer. */
import { resolve } from "node:path";
import { createRuntime } from "../../src/runc/runtime.ts";
import { createBench } from "../../src/shim/testing.ts";
import { describeRecovery } from "../../src/shim/testing-recovery.ts";
import { describeTaskService } from "../../src/shim/testing-suite.ts";

describeTaskService("skiff-runc", () => createBench(createRuntime));
describeRecovery(
  "skiff-runc",
  () => createBench(createRuntime),
  resolve(import.meta.dir, "../../src/runc/runtime.ts"),
);
