/** Serves the API where `-H` says: unix sockets for a group, TCP, and sockets that systemd hands down. */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { messageOf, SkiffError, wrap } from "../lib/errors.ts";
import type { HttpServer } from "../wire/http1/server.ts";
import type { Host } from "./config/hosts.ts";
import type { DaemonOptions, TlsOptions } from "./config/options.ts";
import type { Logger } from "./log.ts";

const CONNECT_MS = 1000;

/** Whether somebody answers there; a socket whose maker was killed refuses. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    const answer = (served: boolean) => {
      socket.destroy();
      resolve(served);
    };
    socket.setTimeout(CONNECT_MS, () => answer(true));
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}

/** By name or number; undefined when there is none. */
export function findGroup(name: string): number | undefined {
  // A small system may have no such file, and so no groups.
  const rows = (existsSync("/etc/group") ? readFileSync("/etc/group", "utf8") : "")
    .split("\n")
    .map((line) => line.split(":"));
  const row = rows.find(([own]) => own === name);
  if (row !== undefined) return Number(row[2]);
  return /^[0-9]{1,9}$/.test(name) ? Number(name) : undefined;
}

function groupOf({ group, groupGiven }: DaemonOptions, log: Logger): number {
  const gid = group === "" ? 0 : findGroup(group);
  if (gid !== undefined) return gid;
  if (groupGiven) throw new SkiffError("not_found", `group ${group} not found`);
  log.debug(`group ${group} not found: the API's socket is root's`);
  return 0;
}

async function listenUnix(server: HttpServer, path: string, gid: number): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  if (await isServed(path))
    throw new SkiffError("failed_precondition", `listen unix ${path}: bind: address already in use`);
  rmSync(path, { force: true });
  const mask = process.umask(0o177);
  try {
    await server.listen({ path });
  } finally {
    process.umask(mask);
  }
  chownSync(path, 0, gid);
  chmodSync(path, 0o660);
}

const FIRST_FD = 3;

/** sd_listen_fds(3) */
function inheritedFds(name: string): number[] {
  const count = Number(process.env["LISTEN_FDS"] ?? "0");
  const names = (process.env["LISTEN_FDNAMES"] ?? "").split(":");
  const all = Array.from({ length: count }, (_, index) => FIRST_FD + index);
  const wanted =
    name === "" || name === "*"
      ? all
      : all.filter((fd, index) => names[index] === name || String(fd) === name);
  if (process.env["LISTEN_PID"] !== String(process.pid) || wanted.length === 0)
    throw new SkiffError(
      "invalid_argument",
      "no sockets found via socket activation: make sure the service was started by systemd",
    );
  return wanted;
}

/** The files are read once, when the daemon starts. */
function readTls({ cert, key, ca, verify }: TlsOptions) {
  const read = (path: string, what: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw wrap(error, `could not load ${what}`);
    }
  };
  const pair = { cert: read(cert, "X509 certificate"), key: read(key, "X509 key") };
  return verify
    ? { ...pair, ca: read(ca, "CA certificate"), requestCert: true, rejectUnauthorized: true }
    : pair;
}

async function listenOne(
  server: HttpServer,
  host: Host,
  { gid, tls, log }: { readonly gid: number; readonly tls: TlsOptions | undefined; readonly log: Logger },
): Promise<void> {
  if (host.kind === "unix") {
    await listenUnix(server, host.path, gid);
    log.info(`API listen on ${host.path}`);
  } else if (host.kind === "tcp") {
    const secure = tls === undefined ? undefined : readTls(tls);
    const port = await server.listen({ host: host.host, port: host.port }, secure);
    log.info(`API listen on ${host.host}:${port}`);
  } else {
    for (const fd of inheritedFds(host.name)) await server.listen({ fd });
    log.info("API listen on sockets of systemd");
  }
}

/** Adds the paths of its sockets to `made`. @throws when one of them cannot be had */
export async function listenAll(
  server: HttpServer,
  options: DaemonOptions,
  log: Logger,
  made: string[],
): Promise<void> {
  const gid = groupOf(options, log);
  for (const host of options.hosts) {
    try {
      await listenOne(server, host, { gid, tls: options.tls, log });
      if (host.kind === "unix") made.push(host.path);
    } catch (error) {
      if (messageOf(error).startsWith("listen ")) throw error;
      throw wrap(error, "failed to load listeners");
    }
    if (host.kind === "tcp" && options.tls?.verify !== true)
      log.warn(
        "Binding to an IP address without --tlsverify gives root on this machine to everyone who can connect.",
      );
  }
}
