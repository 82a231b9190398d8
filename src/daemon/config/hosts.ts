/** `-H`: where the API is served. `unix:///path`, `tcp://address:port`, `fd://` (sockets handed down by systemd). */
import { SkiffError } from "../../lib/errors.ts";
import { DEFAULT_HOST } from "./flags.ts";

export type Host =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** "" or `*`: all of them. */
  | { readonly kind: "fd"; readonly name: string };

const PORT = 2375;
const TLS_PORT = 2376;

const invalid = (text: string) => new SkiffError("invalid_argument", text);

function parseTcp(rest: string, whole: string, tls: boolean): Host {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/]*)(?::([0-9]*))?\/?$/.exec(rest);
  if (match === null) {
    const port = /:([^:]*)$/.exec(rest)?.[1];
    throw invalid(
      port === undefined
        ? `Invalid bind address format: ${whole}`
        : `parse "tcp://${rest}": invalid port ":${port}" after host`,
    );
  }
  const port = match[2] === undefined || match[2] === "" ? (tls ? TLS_PORT : PORT) : Number(match[2]);
  if (port > 65_535) throw invalid(`Invalid bind address format: ${whole}`);
  const host = match[1]!.replace(/^\[|\]$/g, "");
  return { kind: "tcp", host: host === "" ? (tls ? "0.0.0.0" : "127.0.0.1") : host, port };
}

/** @throws invalid_argument in dockerd's words */
export function parseHost(text: string, tls: boolean): Host {
  const word = text.trim();
  const [, scheme, rest] = /^(?:([a-z]+):\/\/)?(.*)$/s.exec(word) ?? ["", undefined, ""];
  switch (scheme) {
    case undefined:
      return word === "" ? parseHost(DEFAULT_HOST, tls) : parseTcp(rest!, word, tls);
    case "unix": {
      const path = rest === "" ? DEFAULT_HOST.slice("unix://".length) : rest!;
      if (path.includes("://")) throw invalid(`invalid bind address (${word}): should not contain "://"`);
      return { kind: "unix", path };
    }
    case "tcp":
      return parseTcp(rest!, word, tls);
    case "fd":
      return { kind: "fd", name: rest! };
    default:
      throw invalid(`Invalid bind address format: ${word}`);
  }
}

export function checkHost(text: string): void {
  parseHost(text, false);
}
