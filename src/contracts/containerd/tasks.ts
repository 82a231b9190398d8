/** Values of tasks in containerd's words and in ours (contracts/shim/task.ts). */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { messageOf, SkiffError } from "../../lib/errors.ts";
import type { RuntimeOptions, TaskStatus } from "../shim/task.ts";
import { OptionsSchema } from "./gen/runc_options_pb.ts";
import { Status } from "./gen/task_pb.ts";

export const TASK_STATUS: Readonly<Record<TaskStatus, Status>> = {
  created: Status.CREATED,
  running: Status.RUNNING,
  stopped: Status.STOPPED,
  paused: Status.PAUSED,
  pausing: Status.PAUSING,
};

const DEFAULTS: RuntimeOptions = { binaryName: "", root: "", systemdCgroup: false, noPivotRoot: false };

/** The runtime's options, if they are of the kind we know. Others (CRI's generic options …) say nothing to us. @throws invalid_argument */
export function unpackRuntimeOptions(any: Any | undefined): RuntimeOptions {
  if (any === undefined || !any.typeUrl.endsWith(OptionsSchema.typeName)) return DEFAULTS;
  try {
    const { binaryName, root, systemdCgroup, noPivotRoot } = fromBinary(OptionsSchema, any.value);
    return { binaryName, root, systemdCgroup, noPivotRoot };
  } catch (error) {
    throw new SkiffError("invalid_argument", `runtime options: ${messageOf(error)}`);
  }
}
