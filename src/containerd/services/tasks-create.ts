/** Tasks.Create: a bundle out of the container's record, then the Task service's `create`. */
import type { CreateTaskRequest } from "../../contracts/containerd/gen/tasks_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { formatTraceparent, type TraceContext } from "../../lib/trace.ts";
import type { Bundles } from "../core/bundles.ts";
import type { ContainerStore } from "../metadata/containers.ts";
import type { Runtimes } from "../plugins/runtimes/runtimes.ts";

export interface TasksParts {
  readonly tasks: Runtimes;
  readonly containers: ContainerStore;
  readonly bundles: Bundles;
}

export async function createTask(
  { tasks, containers, bundles }: TasksParts,
  namespace: string,
  request: CreateTaskRequest,
  trace: TraceContext | undefined,
): Promise<{ containerId: string; pid: number }> {
  const id = request.containerId;
  const container = containers.get(namespace, id);
  const runtime = container.runtime?.name ?? "";
  if (request.checkpoint !== undefined) {
    throw new SkiffError("unimplemented", `task ${id}: restore from a checkpoint is not supported`);
  }
  if (container.spec === undefined) throw new SkiffError("invalid_argument", `container "${id}": no spec`);
  const { stdin, stdout, stderr, terminal } = request;
  const bundle = await bundles.create(namespace, id, container.spec.value, async () => {
    await tasks.state({ namespace, id, execId: "" });
  });
  try {
    const { pid } = await tasks.create({
      namespace,
      id,
      bundle,
      rootfs: request.rootfs.map(({ type, source, target, options }) => ({ type, source, target, options })),
      stdio: { terminal, stdin, stdout, stderr },
      runtime,
      options: request.options ?? container.runtime?.options,
      traceparent: trace === undefined ? "" : formatTraceparent(trace),
    });
    return { containerId: id, pid };
  } catch (error) {
    bundles.remove(namespace, id);
    throw error;
  }
}
