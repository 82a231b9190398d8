/** Answers of progress lines: an error before the first line is a status, a later one is a line. */
import type { BodyWriter } from "../../../wire/http1/api.ts";
import { failure, type LineSink } from "../../images/lines.ts";
import type { RouteContext } from "../context.ts";

export async function withLines(
  context: RouteContext,
  body: (sink: LineSink) => Promise<void>,
): Promise<void> {
  let writer: BodyWriter | undefined;
  let last: Promise<void> = Promise.resolve();
  const sink: LineSink = {
    line(value) {
      writer ??= context.lines(200);
      last = writer.line(value);
    },
  };
  try {
    await body(sink);
  } catch (error) {
    if (writer === undefined) throw error;
    sink.line(failure(error));
  }
  // Nothing to tell is still an answer.
  if (writer === undefined) context.lines(200);
  await last;
}
