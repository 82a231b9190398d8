/** The port `Definitions`, over containerd's containers service. A definition is there as long as the task. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Containers } from "../../../contracts/containerd/gen/containers_pb.ts";
import { OptionsSchema } from "../../../contracts/containerd/gen/runc_options_pb.ts";
import { codeOf } from "../../../lib/errors.ts";
import type { Client } from "../../../wire/h2/api.ts";
import type { Definitions } from "../ports.ts";
import { traced, unlessMissing } from "./calls.ts";

export type ContainersClient = Client<typeof Containers>;

/** A runtime as `--add-runtime` and daemon.json know it. */
export interface RuntimeEntry {
  /** `io.containerd.skiff.v1`, `io.containerd.runc.v2`, … */
  readonly type: string;
  /** Executable of the OCI runtime; "" is the shim's own. */
  readonly path: string;
}

const SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
const OPTIONS_TYPE = "containerd.runc.v1.Options";
/** Marks the containers as Docker's, as dockerd does. */
const LABEL = "com.docker/engine.bundle.path";

export function createDefinitions(
  client: ContainersClient,
  runtimeOf: (name: string) => RuntimeEntry,
): Definitions {
  const remove = async (id: string) => void (await unlessMissing(client.delete({ id })));
  return {
    remove,
    list: async () => (await client.list({})).containers.map(({ id }) => id),
    async put({ id, image, runtime, spec }, trace) {
      const { type, path } = runtimeOf(runtime);
      const options = create(OptionsSchema, { binaryName: path });
      const container = {
        id,
        image,
        runtime: { name: type, options: { typeUrl: OPTIONS_TYPE, value: toBinary(OptionsSchema, options) } },
        spec: { typeUrl: SPEC_TYPE, value: Buffer.from(JSON.stringify(spec)) },
        labels: { [LABEL]: "" },
      };
      try {
        await client.create({ container }, traced(trace));
      } catch (error) {
        if (codeOf(error) !== "already_exists") throw error;
        await remove(id);
        await client.create({ container }, traced(trace));
      }
    },
  };
}
