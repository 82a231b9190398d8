/** What every call carries in its metadata: the namespace it works in, and perhaps a lease that protects what it makes. */
import { SkiffError } from "../../lib/errors.ts";
import { checkIdentifier } from "./identifiers.ts";

/** The part of a gRPC call's context that services look at (`CallContext` of wire/h2 fits). */
export interface RequestContext {
  readonly metadata: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/** The call's namespace. Throws `failed_precondition` without one, `invalid_argument` when it is no identifier. */
export function namespaceOf(context: { readonly metadata: ReadonlyMap<string, string> }): string {
  const namespace = context.metadata.get("containerd-namespace") ?? "";
  if (namespace === "") throw new SkiffError("failed_precondition", "namespace is required");
  checkIdentifier(namespace, "namespace");
  return namespace;
}

/** The lease named by the call, "" without one. What the call creates is added to it. */
export function leaseOf(context: { readonly metadata: ReadonlyMap<string, string> }): string {
  return context.metadata.get("containerd-lease") ?? "";
}
