import { createBench } from "./testing.ts";
import { describeRecovery } from "./testing-recovery.ts";

describeRecovery("runc", () => createBench("runc"), "");
