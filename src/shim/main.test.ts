import { createBench } from "./testing.ts";
import { describeTaskService } from "./testing-suite.ts";

describeTaskService("runc", () => createBench("runc"));
describeTaskService("crun", () => createBench("crun"));
