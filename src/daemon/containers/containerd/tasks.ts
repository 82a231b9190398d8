/** The ports `Tasks` and `TaskControls`, over containerd's tasks service. */

import type { Process } from "../../../contracts/containerd/gen/task_pb.ts";
import { Status } from "../../../contracts/containerd/gen/task_pb.ts";
import type { Tasks as TasksService } from "../../../contracts/containerd/gen/tasks_pb.ts";
import type { Client } from "../../../wire/h2/api.ts";
import type { TaskControls, TaskState, Tasks } from "../ports.ts";
import { nanosecondsOf, traced, unlessMissing } from "./calls.ts";
import { parseMetrics } from "./metrics.ts";

export type TasksClient = Client<typeof TasksService>;

const STATUSES: Partial<Record<Status, TaskState["status"]>> = {
  [Status.CREATED]: "created",
  [Status.RUNNING]: "running",
  [Status.STOPPED]: "stopped",
  [Status.PAUSED]: "paused",
  [Status.PAUSING]: "running",
};

const PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process";
const RESOURCES_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
const json = (typeUrl: string, value: object) => ({ typeUrl, value: Buffer.from(JSON.stringify(value)) });

function stateOf(id: string, process: Process): TaskState {
  return {
    id,
    pid: process.pid,
    status: STATUSES[process.status] ?? "unknown",
    exitStatus: process.exitStatus,
    exitedAtNs: nanosecondsOf(process.exitedAt),
  };
}

export function createTasks(client: TasksClient): Tasks {
  return {
    create: async (containerId, stdio, trace) =>
      (await client.create({ containerId, ...stdio }, traced(trace))).pid,
    start: async (containerId, execId, trace) =>
      (await client.start({ containerId, execId }, traced(trace))).pid,
    async exec(containerId, execId, process, stdio, trace) {
      await client.exec({ containerId, execId, spec: json(PROCESS_TYPE, process), ...stdio }, traced(trace));
    },
    async state(containerId, execId) {
      const answer = await unlessMissing(client.get({ containerId, execId }));
      return answer?.process === undefined ? undefined : stateOf(containerId, answer.process);
    },
    // `id` is the container's for init; `containerId` may be empty there.
    list: async () => (await client.list({})).tasks.map((process) => stateOf(process.id, process)),
    async kill(containerId, execId, signal) {
      await client.kill({ containerId, execId, signal });
    },
    async delete(containerId, execId) {
      const call =
        execId === "" ? client.delete({ containerId }) : client.deleteProcess({ containerId, execId });
      const answer = await unlessMissing(call);
      return answer === undefined
        ? undefined
        : { exitStatus: answer.exitStatus, exitedAtNs: nanosecondsOf(answer.exitedAt) };
    },
    async resize(containerId, execId, width, height) {
      await client.resizePty({ containerId, execId, width, height });
    },
  };
}

export function createTaskControls(client: TasksClient): TaskControls {
  return {
    async pause(containerId) {
      await client.pause({ containerId });
    },
    async resume(containerId) {
      await client.resume({ containerId });
    },
    pids: async (containerId) => (await client.listPids({ containerId })).processes.map(({ pid }) => pid),
    async update(containerId, resources) {
      await client.update({ containerId, resources: json(RESOURCES_TYPE, resources) });
    },
    async metrics(containerId) {
      const { metrics } = await client.metrics({ filters: [`id==${containerId}`] });
      return parseMetrics(metrics[0]?.data);
    },
  };
}
