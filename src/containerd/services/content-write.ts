/**
 * Content.Write, one call per blob:
 *
 *     client                                 server
 *     STAT   {ref, total, expected}     ──►  {offset, total, digest?, times}      opens or resumes
 *     WRITE  {offset, data}             ──►  {offset}                             as often as it likes
 *     COMMIT {offset, data?, total, expected, labels} ──► {digest, offset}        the end
 *
 * An offset that is not the ingest's is refused, unless it is 0: then writing starts again. Later messages may name another total and digest than the
 * first: the last word counts at COMMIT, where both are checked. A digest that the namespace has by now ends the call with `already_exists`.
 */
import { WriteAction, type WriteContentRequest } from "../../contracts/containerd/gen/content_pb.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import type { ContentStore, Ingest } from "../core/content.ts";
import { leaseOf, namespaceOf, type RequestContext } from "../core/context.ts";

interface Session {
  readonly ingest: Ingest;
  readonly ref: string;
  total: number;
  expected: string;
}

type Request = Pick<WriteContentRequest, "ref" | "total" | "expected" | "offset" | "data">;

async function openSession(
  content: ContentStore,
  first: Request,
  namespace: string,
  lease: string,
): Promise<Session> {
  const { ref, expected } = first;
  const total = Number(first.total);
  if (ref === "") throw new SkiffError("invalid_argument", "first message must have a reference");
  const ingest = await content.open(namespace, { ref, total, expected, lease });
  return { ingest, ref, total, expected };
}

function hasBlob(content: ContentStore, namespace: string, digest: string): boolean {
  try {
    content.info(namespace, digest);
    return true;
  } catch (error) {
    if (codeOf(error) === "not_found") return false;
    throw error;
  }
}

/** The ingest is of no use any more when the namespace has got the blob elsewhere. */
function checkMissing(content: ContentStore, namespace: string, { ingest, ref, expected }: Session): void {
  if (expected === "" || !hasBlob(content, namespace, expected)) return;
  ingest.close();
  try {
    content.abort(namespace, ref);
  } catch (error) {
    // Nothing was written yet.
    if (codeOf(error) !== "not_found") throw error;
  }
  throw new SkiffError("already_exists", `blob with expected digest ${expected} exists`);
}

async function append({ ingest }: Session, request: Request): Promise<void> {
  const { offset } = ingest.status();
  const given = Number(request.offset);
  if (given > 0 && given !== offset)
    throw new SkiffError("out_of_range", `write @${given} must occur at current offset ${offset}`);
  if (given === 0 && offset > 0) await ingest.truncate(0);
  if (request.data.length > 0) await ingest.write(request.data);
}

export async function* writeContent(
  content: ContentStore,
  requests: AsyncIterable<WriteContentRequest>,
  context: RequestContext,
) {
  const namespace = namespaceOf(context);
  const lease = leaseOf(context);
  let session: Session | undefined;
  try {
    for await (const request of requests) {
      session ??= await openSession(content, request, namespace, lease);
      const { ingest } = session;
      const { action } = request;
      if (request.expected !== "") {
        session.expected = request.expected;
        checkMissing(content, namespace, session);
      }
      if (request.total > 0n) session.total = Number(request.total);
      if (action !== WriteAction.STAT) await append(session, request);
      const status = ingest.status();
      const answer = {
        ...{ action, offset: BigInt(status.offset), total: BigInt(session.total) },
        ...{ startedAt: timestampOf(status.startedAtNs), updatedAt: timestampOf(status.updatedAtNs) },
      };
      if (action !== WriteAction.COMMIT) {
        yield { ...answer, digest: ingest.digest() };
        continue;
      }
      const { total: size, expected } = session;
      yield { ...answer, digest: await ingest.commit({ size, expected, labels: request.labels, lease }) };
      return;
    }
  } finally {
    session?.ingest.close();
  }
}
