/**
 * Content.Write, one call per blob:
 *
 *     client                                 server
 *     STAT   {ref, total, expected}     ──►  {offset, total, digest?, times}      opens or resumes
 *     WRITE  {offset, data}             ──►  {offset}                             as often as it likes
 *     COMMIT {offset, data?, total, expected, labels} ──► {digest, offset}        the end
 *
 * An offset that is not the ingest's is refused, unless it is 0: then writing starts again. The first message names ref, total and digest; later
 * ones may repeat them, never change them.
 */
import { WriteAction, type WriteContentRequest } from "../../contracts/containerd/gen/content_pb.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { ContentStore, Ingest } from "../core/content.ts";
import { leaseOf, namespaceOf, type RequestContext } from "../core/context.ts";

interface Session {
  readonly ingest: Ingest;
  readonly ref: string;
  total: number;
  expected: string;
}

async function openSession(
  content: ContentStore,
  namespace: string,
  first: WriteContentRequest,
): Promise<Session> {
  const { ref, expected } = first;
  const total = Number(first.total);
  if (ref === "") throw new SkiffError("invalid_argument", "first message must have a reference");
  const ingest = await content.open(namespace, { ref, total, expected });
  return { ingest, ref, total: total || ingest.status().total, expected };
}

/** What later messages repeat must be what was said before. */
function checkAgain(session: Session, { ref, total, expected }: WriteContentRequest): void {
  const changed = (what: string, from: string, to: string) =>
    new SkiffError("invalid_argument", `cannot change ${what} on Write stream: ${to} != ${from}`);
  if (ref !== "" && ref !== session.ref) throw changed("ref", session.ref, ref);
  if (expected !== "" && session.expected !== "" && expected !== session.expected)
    throw changed("expected digest", session.expected, expected);
  if (total > 0n && session.total > 0 && Number(total) !== session.total)
    throw changed("total", String(session.total), String(total));
  session.expected ||= expected;
  session.total ||= Number(total);
}

async function append({ ingest, total }: Session, { offset: at, data }: WriteContentRequest): Promise<void> {
  const { offset } = ingest.status();
  const given = Number(at);
  if (data.length === 0) return;
  if (given === 0 && offset > 0) await ingest.truncate(0);
  else if (given !== offset)
    throw new SkiffError("out_of_range", `write @${given} must occur at current offset ${offset}`);
  if (total > 0 && given + data.length > total)
    throw new SkiffError("out_of_range", `write to ${given + data.length} is past the total of ${total}`);
  await ingest.write(data);
}

export async function* writeContent(
  content: ContentStore,
  requests: AsyncIterable<WriteContentRequest>,
  context: RequestContext,
) {
  const namespace = namespaceOf(context);
  let session: Session | undefined;
  try {
    for await (const request of requests) {
      if (session === undefined) session = await openSession(content, namespace, request);
      else checkAgain(session, request);
      const { ingest } = session;
      const { action } = request;
      if (action !== WriteAction.STAT) await append(session, request);
      const status = ingest.status();
      const times = {
        startedAt: timestampOf(status.startedAtNs),
        updatedAt: timestampOf(status.updatedAtNs),
      };
      const answer = { action, offset: BigInt(status.offset), total: BigInt(session.total), ...times };
      if (action !== WriteAction.COMMIT) {
        yield { ...answer, digest: action === WriteAction.STAT ? session.expected : "" };
        continue;
      }
      const digest = await ingest.commit({
        ...{ size: session.total, expected: session.expected, labels: request.labels },
        lease: leaseOf(context),
      });
      yield { ...answer, digest };
      return;
    }
  } finally {
    session?.ingest.close();
  }
}
