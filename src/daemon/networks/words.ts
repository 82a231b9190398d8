/** dockerd's refusals that several places speak. */
import { SkiffError } from "../../lib/errors.ts";

export const SETUP_FAILED = "failed to set up container networking";

export const forbidden = (text: string) => new SkiffError("permission_denied", text);
export const invalid = (text: string) => new SkiffError("invalid_argument", text);

/** Several problems as one text: one alone as it is, more as a list. */
export function joinProblems(problems: readonly string[]): string {
  return problems.length === 1 ? problems[0]! : problems.map((text) => `* ${text}`).join("\n");
}
