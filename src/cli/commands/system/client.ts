/** What `version` and `info` say of this program. */
import { API_VERSION, ENGINE_VERSION } from "../../../contracts/engine/versions.ts";

export interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly GitCommit: string;
  readonly GoVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
}

export function clientVersion(context: string): ClientVersion {
  return {
    Version: ENGINE_VERSION,
    ApiVersion: API_VERSION,
    DefaultAPIVersion: API_VERSION,
    GitCommit: "skiff",
    GoVersion: `bun${Bun.version}`,
    Os: process.platform,
    Arch: process.arch === "x64" ? "amd64" : process.arch,
    Context: context,
  };
}
