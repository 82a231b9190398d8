/** What this containerd is and what it consists of. */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Introspection } from "../../contracts/containerd/gen/introspection_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import { mapField, parseFilters } from "../core/filters.ts";

export interface PluginDescription {
  /** `io.containerd.snapshotter.v1` and so on: clients filter by it. */
  readonly type: string;
  readonly id: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly capabilities?: readonly string[];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The server's id, made at the first start and kept in its root. */
function serverUuid(root: string): string {
  const directory = join(root, "io.containerd.grpc.v1.introspection");
  const path = join(directory, "uuid");
  try {
    const kept = readFileSync(path, "utf8").trim();
    if (UUID.test(kept)) return kept;
  } catch {
    // Not made yet.
  }
  const fresh = randomUUID();
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${path}.new`, fresh);
  renameSync(`${path}.new`, path);
  return fresh;
}

/** Inode number out of `pid:[4026531836]`. */
function pidNamespace(): bigint {
  return BigInt(/\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0");
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
export const PLATFORM = { os: "linux", architecture: ARCHITECTURES[process.arch] ?? process.arch };

export function introspectionService(root: string, plugins: readonly PluginDescription[]) {
  const uuid = serverUuid(root);
  const pidns = pidNamespace();
  const describe = (plugin: PluginDescription) => ({
    type: plugin.type,
    id: plugin.id,
    platforms: [PLATFORM],
    exports: { ...plugin.exports },
    capabilities: [...(plugin.capabilities ?? [])],
  });
  return implement(Introspection, {
    server: () => ({ uuid, pid: BigInt(process.pid), pidns }),
    plugins(request) {
      const filter = parseFilters(request.filters);
      const found = plugins.filter((plugin) =>
        filter(([field, ...rest]) => {
          if (field === "type") return plugin.type;
          if (field === "id") return plugin.id;
          if (field === "capabilities") return plugin.capabilities?.includes(rest.join(".")) ? "" : undefined;
          if (field === "exports") return mapField(plugin.exports ?? {}, rest);
          return undefined;
        }),
      );
      return { plugins: found.map(describe) };
    },
    pluginInfo(request) {
      const plugin = plugins.find(({ type, id }) => type === request.type && id === request.id);
      if (plugin === undefined) {
        throw new SkiffError("not_found", `plugin ${request.type}.${request.id}: not found`);
      }
      return { plugin: describe(plugin) };
    },
  });
}
