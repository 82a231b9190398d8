/** The OCI runtime in process: what the shim calls instead of a command line. See contracts/oci/runtime.ts. */
import type { OciRuntime, RuntimeFactory, RuntimeParts } from "../contracts/oci/runtime.ts";
import { createContainer } from "./container/create.ts";
import { deleteContainer } from "./container/delete.ts";
import { execProcess } from "./container/exec.ts";
import { killContainer } from "./container/kill.ts";
import { startContainer } from "./container/start.ts";
import { openContainer } from "./container/state.ts";
import { validateProcess } from "./spec/validate.ts";

export const createRuntime: RuntimeFactory = (parts: RuntimeParts): OciRuntime => {
  const open = (id: string) => openContainer(parts.root, id);
  return {
    name: "skiff-runc",
    async create(request) {
      return { kind: "plan", plan: createContainer(parts.root, request) };
    },
    async exec(request) {
      return { kind: "plan", plan: execProcess(open(request.id), validateProcess(request.process)) };
    },
    start: async (id) => startContainer(open(id)),
    state: async (id) => open(id).state(),
    kill: async (id, signal, all) => killContainer(open(id), signal, all),
    delete: (id, force) => deleteContainer(parts.root, id, force),
    pause: async (id) => open(id).cgroups.freeze(true),
    resume: async (id) => open(id).cgroups.freeze(false),
    update: async (id, resources) => open(id).update(resources),
    pids: async (id) => open(id).cgroups.pids(),
  };
};
