/** What images need from the rest of skiffd; the daemon's `main.ts` hands it in. */
import type { ContainerRecord } from "../containers/container.ts";

export interface ImageEvents {
  publish(
    type: "image" | "container",
    action: string,
    id: string,
    attributes: Readonly<Record<string, string>>,
  ): void;
}

/** The containers, as far as images must know them. Asked late: the containers are made after the images. */
export interface ContainerUses {
  all(): readonly ContainerRecord[];
  /** @throws not_found */
  get(reference: string): ContainerRecord;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
}
