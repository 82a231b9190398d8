/** Names in containerd's image store: canonical references, and names for images that lost their last one, as dockerd gives them. */
import { parseReference, type Reference } from "../../lib/reference.ts";

const DANGLING = "moby-dangling";
/** Prefix for names that an import makes up. */
export const DANGLING_PREFIX = DANGLING;
export const danglingName = (digest: string) => `${DANGLING}@${digest}`;
export const isDangling = ({ name }: { readonly name: string }) => name.startsWith(`${DANGLING}@`);

/** undefined instead of an error; another client of containerd may use any text as a name. */
export function tryParseReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
