import { attributeCalls } from "./attributes.ts";
import { descriptorCalls } from "./descriptors.ts";
import type { Kernel } from "./kernel.ts";
import { mountCalls } from "./mounts.ts";
import { nameCalls } from "./names.ts";
import { namespaceCalls } from "./namespaces.ts";
import { processCalls } from "./processes.ts";

/** The kernel this process runs on. */
export const linuxKernel: Kernel = Object.freeze({
  ...mountCalls,
  ...nameCalls,
  ...attributeCalls,
  ...descriptorCalls,
  ...namespaceCalls,
  ...processCalls,
});
