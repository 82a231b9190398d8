/** One task of a foreign shim: its Task service over ttrpc, in our words. */

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Task } from "../../../contracts/containerd/gen/shim_task_pb.ts";
import { Status } from "../../../contracts/containerd/gen/task_pb.ts";
import { nanosecondsOf } from "../../../contracts/containerd/timestamps.ts";
import type { Exit, ProcessRef, ProcessState, TaskStatus } from "../../../contracts/shim/task.ts";
import type { Client } from "../../../wire/h2/api.ts";
import { createTtrpcClient, type TtrpcChannel } from "../../../wire/ttrpc/client.ts";

export interface ForeignTask {
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
  /** The shim's program, for its `delete`. */
  readonly program: string;
  readonly channel: TtrpcChannel;
  readonly client: Client<typeof Task>;
  /** Of init; 0 until it is known. */
  pid: number;
}

const STATUS: ReadonlyMap<Status, TaskStatus> = new Map([
  [Status.CREATED, "created"],
  [Status.RUNNING, "running"],
  [Status.STOPPED, "stopped"],
  [Status.PAUSED, "paused"],
  [Status.PAUSING, "pausing"],
]);

export function clientOf(channel: TtrpcChannel, version: 2 | 3): Client<typeof Task> {
  return createTtrpcClient(Task, `containerd.task.v${version}.Task`, channel);
}

export function exitOf(answer: { pid?: number; exitStatus: number; exitedAt?: Timestamp | undefined }): Exit {
  const { pid = 0, exitStatus, exitedAt } = answer;
  return { pid, exitStatus, exitedAtNs: nanosecondsOf(exitedAt) };
}

export async function stateOf(task: ForeignTask, ref: ProcessRef): Promise<ProcessState> {
  const state = await task.client.state({ id: ref.id, execId: ref.execId });
  const { bundle, pid, exitStatus, stdin, stdout, stderr, terminal } = state;
  return {
    ...ref,
    ...{ bundle, pid, exitStatus, exitedAtNs: nanosecondsOf(state.exitedAt) },
    status: STATUS.get(state.status) ?? "created",
    stdio: { stdin, stdout, stderr, terminal },
  };
}
