/** `GET /version`. */
import type { Version } from "../../contracts/engine/system.ts";
import { API_VERSION, ENGINE_VERSION, MIN_API_VERSION } from "../../contracts/engine/versions.ts";
import { goArchitecture, kernelVersion } from "./host.ts";

export const COMMIT = "skiff";
const BUILD_TIME = "2026-11-25T00:00:00.000000000+00:00";

export interface Containerd {
  readonly version: string;
  readonly revision: string;
}

export function versionView(containerd: Containerd): Version {
  const [Arch, KernelVersion, GoVersion] = [goArchitecture(), kernelVersion(), `bun${Bun.version}`];
  const engine = {
    ApiVersion: API_VERSION,
    Arch,
    BuildTime: BUILD_TIME,
    Experimental: "false",
    GitCommit: COMMIT,
    GoVersion,
    KernelVersion,
    MinAPIVersion: MIN_API_VERSION,
    Os: "linux",
  };
  return {
    Platform: { Name: "Skiff" },
    Components: [
      { Name: "Engine", Version: ENGINE_VERSION, Details: engine },
      {
        Name: "containerd",
        Version: containerd.version,
        Details: { GitCommit: containerd.revision },
      },
      { Name: "skiff-runc", Version: ENGINE_VERSION, Details: { GitCommit: COMMIT } },
      { Name: "skiff-init", Version: ENGINE_VERSION, Details: { GitCommit: COMMIT } },
    ],
    Version: ENGINE_VERSION,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: COMMIT,
    GoVersion,
    Os: "linux",
    Arch,
    KernelVersion,
    BuildTime: BUILD_TIME,
  };
}
