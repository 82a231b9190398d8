/**
 * The embedded DNS server: one pair of sockets in each namespace of a container with a network of the user's own, all served by skiffd. Names of
 * containers are answered from memory; everything else goes to the container's upstream servers, one after the other, and never from a container
 * that has no way out: a name is a message to whoever runs the server (CVE-2024-29018).
 */
import type { Kernel } from "../../../kernel/kernel.ts";
import { inNamespace } from "../../../kernel/netlink/namespace.ts";
import type { Attachment, Endpoint, Upstream } from "../network.ts";
import { answerLocally } from "./answer.ts";
import {
  encodeAnswer,
  encodeFormatError,
  MESSAGE_BYTES_MAX,
  parseQuery,
  type Query,
  RCODE,
} from "./message.ts";
import { NameIndex } from "./names.ts";
import { openInside, serve } from "./sockets.ts";
import { ask, type Inside, type Transport } from "./upstream.ts";

export interface NameServerParts {
  readonly kernel: Kernel;
  attachment(containerId: string): Attachment | undefined;
  /** Where the container's questions go that we have no answer to. */
  upstreams(attachment: Attachment): readonly Upstream[];
}

/** Of one container that wait for another server. */
const PENDING_MAX = 1024;
const UPSTREAMS_MAX = 3;

export class NameServers {
  readonly #parts: NameServerParts;
  readonly #index = new NameIndex();
  readonly #open = new Map<string, Disposable>();
  readonly #pending = new Map<string, number>();

  constructor(parts: NameServerParts) {
    this.#parts = parts;
  }

  add(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) this.#index.add(endpoint);
  }

  remove(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) this.#index.remove(endpoint);
  }

  /** Must run inside the container's namespace. One that is open stays. */
  openHere(containerId: string): void {
    if (this.#open.has(containerId)) return;
    const server = serve(openInside(), (bytes, transport) => this.#answer(containerId, bytes, transport));
    this.#open.set(containerId, server);
  }

  close(containerId: string): void {
    this.#open.get(containerId)?.[Symbol.dispose]();
    this.#open.delete(containerId);
  }

  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.close(id);
  }

  #answer(
    containerId: string,
    bytes: Uint8Array,
    transport: Transport,
  ): Promise<Uint8Array | undefined> | Uint8Array | undefined {
    const attachment = this.#parts.attachment(containerId);
    if (attachment === undefined) return undefined;
    const query = parseQuery(bytes);
    if (query === undefined) return encodeFormatError(bytes);
    const sizeMax = transport === "udp" ? query.sizeMax : MESSAGE_BYTES_MAX;
    const known = answerLocally(this.#index, attachment, query, sizeMax);
    return known ?? this.#forward(attachment, query, bytes, transport);
  }

  async #forward(
    attachment: Attachment,
    query: Query,
    bytes: Uint8Array,
    transport: Transport,
  ): Promise<Uint8Array> {
    const { containerId, gatewayOf, netnsPath } = attachment;
    const refused = () => encodeAnswer(query, RCODE.SERVFAIL);
    const pending = this.#pending.get(containerId) ?? 0;
    if (gatewayOf === "" || pending >= PENDING_MAX) return refused();
    this.#pending.set(containerId, pending + 1);
    try {
      const { question } = query;
      const within: Inside = (body) => inNamespace(this.#parts.kernel, netnsPath, body);
      for (const { address, host } of this.#parts.upstreams(attachment).slice(0, UPSTREAMS_MAX)) {
        const here: Inside = host ? (body) => body() : within;
        const answer = await ask({ bytes, question, transport }, address, here);
        if (answer !== undefined) return answer;
      }
      return refused();
    } finally {
      const left = (this.#pending.get(containerId) ?? 1) - 1;
      if (left > 0) this.#pending.set(containerId, left);
      else this.#pending.delete(containerId);
    }
  }
}
