/** The Task service's suite over skiff-runc in process: outside `src`, because the shim may not know the runtime's layer. */
import { createRuntime } from "../../src/runc/runtime.ts";
import { createBench } from "../../src/shim/testing.ts";
import { describeTaskService } from "../../src/shim/testing-suite.ts";

describeTaskService("skiff-runc", () => createBench(createRuntime));
