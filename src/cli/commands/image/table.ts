/** Commands of images. */
import type { Entry } from "../entry.ts";

export const IMAGE: readonly Entry[] = [
  {
    path: "image build",
    aliases: ["build", "builder build"],
    summary: "Build an image from a Dockerfile",
    common: true,
    load: () => import("./build.ts"),
  },
  {
    path: "image history",
    aliases: ["history"],
    summary: "Show the history of an image",
    load: () => import("./history.ts"),
  },
  {
    path: "image import",
    aliases: ["import"],
    summary: "Import the contents from a tarball to create a filesystem image",
    load: () => import("./import.ts"),
  },
  {
    path: "image inspect",
    summary: "Display detailed information on one or more images",
    load: () => import("./inspect.ts"),
  },
  {
    path: "image load",
    aliases: ["load"],
    summary: "Load an image from a tar archive or STDIN",
    load: () => import("./load.ts"),
  },
  {
    path: "image ls",
    aliases: ["image list", "images"],
    summary: "List images",
    common: true,
    load: () => import("./ls.ts"),
  },
  { path: "image prune", summary: "Remove unused images", load: () => import("./prune.ts") },
  {
    path: "image pull",
    aliases: ["pull"],
    summary: "Download an image from a registry",
    common: true,
    load: () => import("./pull.ts"),
  },
  {
    path: "image push",
    aliases: ["push"],
    summary: "Upload an image to a registry",
    common: true,
    load: () => import("./push.ts"),
  },
  {
    path: "image rm",
    aliases: ["image remove", "rmi"],
    summary: "Remove one or more images",
    load: () => import("./rm.ts"),
  },
  {
    path: "image save",
    aliases: ["save"],
    summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
    load: () => import("./save.ts"),
  },
  {
    path: "image tag",
    aliases: ["tag"],
    summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    load: () => import("./tag.ts"),
  },
  {
    path: "search",
    summary: "Search Docker Hub for images",
    common: true,
    load: () => import("./search.ts"),
  },
];
