/** What a container sends, put below a directory of ours: by descriptors, so that no name and no link in it leads out of there. */
import { closeSync, openSync } from "node:fs";
import { O } from "../../../kernel/constants.ts";
import { linuxKernel } from "../../../kernel/linux.ts";
import { Extractor } from "../../../kernel/tree/extract.ts";
import type { TarEntry } from "../../../lib/tar/entry.ts";
import { type TarHandler, TarReader } from "../../../lib/tar/reader.ts";

/** The first name of the archive becomes another. */
function renaming(inner: Extractor, from: string, to: string): TarHandler {
  const renamed = (name: string): string => {
    const clean = name.replace(/^(?:\.\/+)+/, "");
    if (from === ".") return clean === "." ? to : `${to}/${clean}`;
    return clean === from || clean.startsWith(`${from}/`) ? to + clean.slice(from.length) : name;
  };
  return {
    entry: (entry: TarEntry) =>
      inner.entry({
        ...entry,
        name: renamed(entry.name),
        linkName: entry.type === "link" ? renamed(entry.linkName) : entry.linkName,
      }),
    data: (bytes) => inner.data(bytes),
    hole: (bytes) => inner.hole(bytes),
    end: () => inner.end(),
  };
}

export interface Target {
  readonly directory: string;
  /** As the archive has it, and as we want it. */
  readonly from: string;
  readonly to: string;
  /** As they are in the container; else all is ours. */
  readonly keepOwners: boolean;
}

export async function unpackBelow(body: AsyncIterable<Uint8Array>, target: Target): Promise<void> {
  const root = openSync(target.directory, O.RDONLY | O.DIRECTORY);
  try {
    const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    using extractor = new Extractor(linuxKernel, root, {
      ...{ whiteouts: false, keepKinds: true },
      ...(target.keepOwners ? {} : { owner }),
    });
    const reader = new TarReader(renaming(extractor, target.from, target.to));
    for await (const bytes of body) reader.push(bytes);
    extractor.finish();
  } finally {
    closeSync(root);
  }
}
