import { Version } from "../../contracts/containerd/gen/version_service_pb.ts";
import { implement } from "../../wire/h2/server.ts";

/** Clients look for features by containerd's version, so we name the one whose API we serve; the revision says who we are. */
export const CONTAINERD_VERSION = "1.7.24";
export const REVISION = "skiff-0.1.0";

export function versionService() {
  return implement(Version, { version: () => ({ version: CONTAINERD_VERSION, revision: REVISION }) });
}
