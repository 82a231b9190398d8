/** Lines of progress in Docker's shapes, written to whoever asked. The answer begins with the first line: until then an error is still a status. */
import type { ProgressLine } from "../../contracts/engine/image.ts";
import { messageOf } from "../../lib/errors.ts";
import { progressBar } from "./progress-bar.ts";

export interface LineSink {
  line(value: ProgressLine): void;
}

/** `stringid.TruncateID` of a digest. */
export function shortId(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}

export function status(text: string, id = ""): ProgressLine {
  return id === "" ? { status: text } : { status: text, id };
}

/** Of a layer, without numbers. */
export function step(id: string, text: string): ProgressLine {
  return { status: text, progressDetail: {}, id };
}

export function counted(id: string, text: string, current: number, total: number): ProgressLine {
  const progress = progressBar(current, total);
  const progressDetail = {
    ...(current > 0 ? { current } : {}),
    ...(total > 0 ? { total } : {}),
  };
  return { status: text, progressDetail, ...(progress === "" ? {} : { progress }), id };
}

export function failure(error: unknown): ProgressLine {
  return { errorDetail: { message: messageOf(error) }, error: messageOf(error) };
}
