/** The Task service, in process: see contracts/shim/task.ts for what it promises. */
import type { RuntimeFactory } from "../contracts/oci/runtime.ts";
import type { TaskService, TaskServiceParts } from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";

export interface ShimParts extends TaskServiceParts {
  /** Makes the in-process runtime (skiff-runc), used unless a task's `options.binaryName` names another. */
  readonly createRuntime: RuntimeFactory;
}

export function createTaskService(_parts: ShimParts): TaskService {
  throw new SkiffError("unimplemented", "create task service: not written yet");
}
