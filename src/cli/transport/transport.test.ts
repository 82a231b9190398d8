/** Hosts, contexts and certificates, as docker's command line takes them; TLS and a command as transport, for real. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GLOBAL_FLAGS } from "../global-flags.ts";
import { parseFlags } from "../parse/flags.ts";
import { createClient } from "./client.ts";
import { parseHost, showHost } from "./host.ts";
import { contextDirectory, readSettings } from "./settings.ts";

const dir = mkdtempSync("/tmp/skiff-transport-");
afterAll(() => rmSync(dir, { recursive: true }));

const settings = (...args: string[]) =>
  readSettings(parseFlags(GLOBAL_FLAGS, ["--config", dir, ...args], true));
const client = (...args: string[]) => createClient(settings(...args), async () => {});

/** What docker says that it cannot reach. */
function dockerSays(args: readonly string[], env: Record<string, string> = {}): string {
  const child = Bun.spawnSync(["docker", "--config", dir, ...args, "ps"], {
    env: { PATH: process.env["PATH"]!, HOME: dir, ...env },
  });
  return child.stderr.toString().trimEnd();
}

describe("hosts", () => {
  test.each([
    ..."unix:///x unix:// tcp://127.0.0.1:1 tcp://127.0.0.1:1/base tcp://127.0.0.1:1/base/ tcp://[::1]:1 127.0.0.1:1".split(
      " ",
    ),
    ..."[::1]:1 tcp://:1".split(" "),
  ])("%s", (given) => {
    const shown = showHost(parseHost(given), given);
    const reached = /Docker daemon at (.*)\. Is/.exec(dockerSays(["-H", given]))?.[1];
    expect(shown.replace("/var/run/docker.sock", "*")).toBe(reached!.replace("/var/run/docker.sock", "*"));
  });

  test.each(["foo://a", "fd://", "npipe:////./x", "http://127.0.0.1:1"])("%s is refused", (given) => {
    expect(() => parseHost(given)).toThrow(dockerSays(["-H", given]));
  });

  test("ssh", () => {
    const argv = (host: string) => (parseHost(host) as { argv: readonly string[] }).argv.join(" ");
    expect(argv("ssh://host")).toBe("ssh -o ConnectTimeout=30 -T -- host docker system dial-stdio");
    expect(argv("ssh://me@host:2222/run/x.sock")).toBe(
      "ssh -l me -p 2222 -o ConnectTimeout=30 -T -- host docker --host unix:///run/x.sock system dial-stdio",
    );
    // An option of ssh's would run any program.
    expect(() => parseHost("ssh://-oProxyCommand=x")).toThrow("invalid SSH URL");
  });
});

test("where the daemon is: flags before context before environment before configuration", () => {
  const host = (...args: string[]) => settings(...args).host;
  const meta = contextDirectory(dir, "there");
  mkdirSync(meta, { recursive: true });
  writeFileSync(
    join(meta, "meta.json"),
    JSON.stringify({ Name: "there", Endpoints: { docker: { Host: "unix:///there" } } }),
  );
  const saved = { host: process.env["DOCKER_HOST"], context: process.env["DOCKER_CONTEXT"] };
  try {
    delete process.env["DOCKER_HOST"];
    delete process.env["DOCKER_CONTEXT"];
    expect([settings().ownDaemon, host("-H", "unix:///a"), host("-c", "there")]).toEqual([
      true,
      "unix:///a",
      "unix:///there",
    ]);
    process.env["DOCKER_CONTEXT"] = "there";
    expect(host()).toBe("unix:///there");
    process.env["DOCKER_HOST"] = "unix:///env";
    expect([host(), host("-c", "there"), host("-c", "default")]).toEqual([
      "unix:///env",
      "unix:///there",
      "unix:///env",
    ]);
    delete process.env["DOCKER_HOST"];
    delete process.env["DOCKER_CONTEXT"];
    writeFileSync(join(dir, "config.json"), '{"currentContext":"there"}');
    expect(host()).toBe("unix:///there");
    expect(() => host("-H", "unix:///a", "-H", "unix:///b")).toThrow(
      dockerSays(["-H", "unix:///a", "-H", "unix:///b"]),
    );
    expect(() => host("-H", "unix:///a", "-c", "b")).toThrow(dockerSays(["-H", "unix:///a", "-c", "b"]));
    expect(() => host("-c", "b")).toThrow(dockerSays(["-c", "b"]));
    writeFileSync(join(dir, "config.json"), "{");
    expect(() => host()).toThrow("config.json");
  } finally {
    rmSync(join(dir, "config.json"), { force: true });
    for (const [name, value] of [
      ["DOCKER_HOST", saved.host],
      ["DOCKER_CONTEXT", saved.context],
    ] as const)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
});

describe("TLS", () => {
  let server: ReturnType<typeof Bun.serve>;
  const openssl = (...args: string[]) => {
    const result = Bun.spawnSync(["openssl", ...args], { cwd: dir });
    if (result.exitCode !== 0) throw new Error(result.stderr.toString());
  };
  const issue = (name: string, issuer: string, more: string) => {
    writeFileSync(join(dir, `${name}.ext`), more);
    openssl(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      `${name}-key.pem`,
      "-out",
      `${name}.csr`,
      "-subj",
      `/CN=${name}`,
    );
    openssl(
      ...[
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        `${issuer}.pem`,
        "-CAkey",
        `${issuer}-key.pem`,
        "-CAcreateserial",
      ],
      ...["-out", `${name}.pem`, "-days", "2", "-extfile", `${name}.ext`],
    );
  };
  beforeAll(async () => {
    for (const name of ["ca", "other"])
      openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        `${name}-key.pem`,
        "-out",
        `${name}.pem`,
        "-subj",
        `/CN=${name}`,
        "-days",
        "2",
      );
    issue("server", "ca", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
    issue("me", "ca", "extendedKeyUsage=clientAuth\n");
    const file = (name: string) => Bun.file(join(dir, name));
    server = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ secret: true }) },
      tls: {
        cert: file("server.pem"),
        key: file("server-key.pem"),
        ca: file("ca.pem"),
        requestCert: true,
        rejectUnauthorized: true,
      },
    });
  }, 60_000);
  afterAll(() => server?.stop(true));

  const flags = (ca: string, own: boolean): string[] => [
    ...["-H", `tcp://127.0.0.1:${server.port}`, "--tlsverify", "--tlscacert", join(dir, `${ca}.pem`)],
    ...(own ? ["--tlscert", join(dir, "me.pem"), "--tlskey", join(dir, "me-key.pem")] : []),
  ];

  test("both sides show who they are", async () => {
    expect(await client(...flags("ca", true)).get<unknown>("/x")).toEqual({ secret: true });
  });
  test("a server of another authority is told nothing", async () => {
    expect(client(...flags("other", true)).get("/x")).rejects.toThrow(/tls: .*/);
  });
  test("a server of another name is told nothing", async () => {
    const args = flags("ca", true).map((word) => word.replace("127.0.0.1", "localhost"));
    expect(client(...args).get("/x")).rejects.toThrow(/tls: .*/);
  });
  test("without a certificate of ours there is no answer", async () => {
    expect(client(...flags("ca", false)).get("/x")).rejects.toThrow();
  });
  test("--tls alone verifies nobody", async () => {
    const args = [...flags("other", true).filter((word) => word !== "--tlsverify"), "--tls"];
    expect(await client(...args).get<unknown>("/x")).toEqual({ secret: true });
  });
  test("a context's certificates", async () => {
    const meta = contextDirectory(dir, "far");
    const files = `${meta.replace("/meta/", "/tls/")}/docker`;
    mkdirSync(meta, { recursive: true });
    mkdirSync(files, { recursive: true });
    const Host = `tcp://127.0.0.1:${server.port}`;
    writeFileSync(join(meta, "meta.json"), JSON.stringify({ Name: "far", Endpoints: { docker: { Host } } }));
    for (const [from, to] of [
      ["ca", "ca"],
      ["me", "cert"],
      ["me-key", "key"],
    ])
      await Bun.write(join(files, `${to}.pem`), Bun.file(join(dir, `${from}.pem`)));
    expect(await client("-c", "far").get<unknown>("/x")).toEqual({ secret: true });
  });
});

test("a command as transport: requests, half-close, and the command ends with us", async () => {
  const bin = join(dir, "bin");
  mkdirSync(bin);
  const socket = join(dir, "far.sock");
  const script = join(bin, "ssh");
  // What stands for ssh: the other machine's `docker system dial-stdio`.
  writeFileSync(
    script,
    `#!/bin/sh\necho "$@" >${dir}/argv\nexec docker -H unix://${socket} system dial-stdio\n`,
  );
  chmodSync(script, 0o755);
  const server = Bun.serve({
    unix: socket,
    fetch: async (request) => Response.json({ got: await request.text() }),
  });
  const path = process.env["PATH"]!;
  process.env["PATH"] = `${bin}:${path}`;
  try {
    const far = client("-H", "ssh://me@far");
    expect(await far.post<unknown>("/x", { json: { a: 1 } })).toEqual({ got: '{"a":1}' });
    expect(existsSync(join(dir, "argv"))).toBe(true);
  } finally {
    process.env["PATH"] = path;
    await server.stop(true);
  }
});
