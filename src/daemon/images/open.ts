/** Puts the images together from what the daemon's `main.ts` has. */
import type { Clock } from "../../lib/clock.ts";
import type { IdSource } from "../../lib/ids.ts";
import type { Tracer } from "../../lib/trace.ts";
import type { Channel } from "../../wire/h2/client.ts";
import type { ImageSource } from "../containers/ports.ts";
import { createImageClients } from "./clients.ts";
import { createManifests } from "./manifests.ts";
import type { ImageParts, RegistryOptions } from "./parts.ts";
import { hostPlatform } from "./platform.ts";
import type { ContainerUses, ImageEvents } from "./ports.ts";
import { createImageSource } from "./source.ts";
import { createUnpacker } from "./unpack.ts";
import { createUsages } from "./usage.ts";

export interface ImagesOptions extends RegistryOptions {
  /** `overlayfs` */
  readonly snapshotter: string;
  /** Of skiffd's own: hosts.toml files that containerd reads. */
  readonly hostsDir: string;
}

export interface OuterImageParts {
  /** Its metadata says `containerd-namespace: moby`. */
  readonly channel: Channel;
  /** Asked when a request needs it, so it may be made later. */
  readonly containers: ContainerUses;
  readonly events: ImageEvents;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: (message: string) => void;
}

export interface OpenedImages {
  readonly source: ImageSource;
  /** For `imageRoutes`, `distributionRoutes` and whoever else works on images (build, system df). */
  readonly parts: ImageParts;
}

export function openImages(options: ImagesOptions, outer: OuterImageParts): OpenedImages {
  const { channel, ...services } = outer;
  const { snapshotter, hostsDir, insecureRegistries, mirrors } = options;
  const clients = createImageClients(channel);
  const platform = hostPlatform();
  const unpack = createUnpacker({ clients, snapshotter, clock: outer.clock, ids: outer.ids });
  const parts: ImageParts = {
    ...services,
    ...{ clients, platform, snapshotter, hostsDir, unpack },
    registries: { insecureRegistries, mirrors },
    manifests: createManifests(clients, platform),
    usages: createUsages(clients, snapshotter),
  };
  return { source: createImageSource(parts), parts };
}
