/** What every verb of images is given. */
import type { Clock } from "../../lib/clock.ts";
import type { IdSource } from "../../lib/ids.ts";
import type { Tracer } from "../../lib/trace.ts";
import type { ImageClients } from "./clients.ts";
import type { Manifests, Unpacker } from "./manifests.ts";
import type { Platform } from "./platform.ts";
import type { ContainerUses, ImageEvents } from "./ports.ts";
import type { Usages } from "./usage.ts";

export interface RegistryOptions {
  /** `host[:port]` or CIDR: plain HTTP, or TLS that nobody vouches for, will do. Loopback addresses always are. */
  readonly insecureRegistries: readonly string[];
  /** URLs of mirrors of docker.io, asked first. */
  readonly mirrors: readonly string[];
}

export interface ImageParts {
  readonly clients: ImageClients;
  readonly manifests: Manifests;
  readonly usages: Usages;
  readonly unpack: Unpacker;
  readonly snapshotter: string;
  /** This machine's. */
  readonly platform: Platform;
  readonly registries: RegistryOptions;
  /** Directory for what containerd must find as files: hosts.toml of registries. */
  readonly hostsDir: string;
  readonly containers: ContainerUses;
  readonly events: ImageEvents;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: (message: string) => void;
}
