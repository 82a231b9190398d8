/** Rows of `skiff images`: one a tag, one a digest without a tag, `<none>` for what has no name at all. */
import type { ImageSummary } from "../../contracts/engine/image.ts";
import { familiarName, parseReference, type Reference } from "../../lib/reference.ts";
import type { Row } from "../format/table.ts";
import { humanSize } from "../format/units.ts";
import { goTime, shortId, since } from "../format/words.ts";

const NONE = "<none>";
const SIZE_DIGITS = 3;

export interface ImageRowOptions {
  readonly truncated: boolean;
  /** A row for each digest of a tag. */
  readonly digests: boolean;
  /** A row for each digest without a tag. */
  readonly alone: boolean;
}

export const IMAGE_TITLES = {
  ...{ ID: "IMAGE ID", Repository: "REPOSITORY", Tag: "TAG", Digest: "DIGEST", CreatedSince: "CREATED" },
  ...{ CreatedAt: "CREATED AT", Size: "SIZE", Containers: "CONTAINERS", VirtualSize: "SIZE" },
  ...{ SharedSize: "SHARED SIZE", UniqueSize: "UNIQUE SIZE" },
};

interface Name {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

function parsed(names: readonly string[] | null): Reference[] {
  return (names ?? []).flatMap((name) => {
    try {
      return [parseReference(name)];
    } catch {
      return [];
    }
  });
}

/** No name at all: older daemons make some up. */
export function isDangling({ RepoTags, RepoDigests }: ImageSummary): boolean {
  const [tags, digests] = [RepoTags ?? [], RepoDigests ?? []];
  return `${tags} ${digests}` === "<none>:<none> <none>@<none>" || tags.length + digests.length === 0;
}

function namesOf(image: ImageSummary, { digests, alone }: ImageRowOptions): Name[] {
  const { RepoTags, RepoDigests } = image;
  const tagged = parsed(RepoTags).filter(({ tag }) => tag !== "");
  const digested = parsed(RepoDigests).filter(({ digest }) => digest !== "");
  if (isDangling(image)) return [{ repository: NONE, tag: NONE, digest: NONE }];
  const repositories = new Set(tagged.map(familiarName));
  const others = digested.filter((reference) => !repositories.has(familiarName(reference)));
  const withTag = [...repositories].flatMap((repository) => {
    const own = digests ? digested.filter((reference) => familiarName(reference) === repository) : [];
    const shown = own.length === 0 ? [NONE] : own.map(({ digest }) => digest);
    return tagged
      .filter((reference) => familiarName(reference) === repository)
      .flatMap(({ tag }) => shown.map((digest) => ({ repository, tag, digest })));
  });
  const without = alone
    ? others.map((reference) => ({
        repository: familiarName(reference),
        tag: NONE,
        digest: reference.digest,
      }))
    : [...new Set(others.map(familiarName))].map((repository) => ({ repository, tag: NONE, digest: "" }));
  return [...withTag, ...without];
}

export function imageRows(images: readonly ImageSummary[], options: ImageRowOptions): Row[] {
  const { truncated } = options;
  return images.flatMap((image) =>
    namesOf(image, options).map(({ repository, tag, digest }) => ({
      Containers: image.Containers === -1 ? "N/A" : String(image.Containers),
      CreatedAt: goTime(image.Created * 1000),
      CreatedSince: since(image.Created * 1000),
      Digest: digest,
      ID: truncated ? shortId(image.Id) : image.Id,
      Repository: repository,
      SharedSize: image.SharedSize === -1 ? "N/A" : humanSize(image.SharedSize),
      Size: humanSize(image.Size, SIZE_DIGITS),
      Tag: tag,
      UniqueSize: image.SharedSize === -1 ? "N/A" : humanSize(image.Size - image.SharedSize),
      VirtualSize: humanSize(image.Size),
    })),
  );
}
