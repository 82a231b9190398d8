/** Transfers under hard conditions, with Debian's docker-registry: passwords, certificates, a full disk, uploads that fail. */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { freePort, startRegistry } from "../../../../test/harness/registry.ts";
import { eventually, must } from "../../../../test/harness/shell.ts";
import { packAny } from "../../../contracts/containerd/any.ts";
import {
  AuthRequestSchema,
  AuthResponseSchema,
  AuthType,
} from "../../../contracts/containerd/gen/transfer_pb.ts";
import { sha256Of } from "../../../lib/digest.ts";
import { messageOf } from "../../../lib/errors.ts";
import { addImage, startDouble } from "../registry/testing.ts";
import { createTestBed, NAMESPACE } from "./testing.ts";

function layer(size = 40_000) {
  const plain = randomBytes(size);
  return { bytes: gzipSync(plain), diffId: sha256Of(plain) };
}

const failure = (promise: Promise<unknown>) => promise.then(() => "no error", messageOf);

type Bed = ReturnType<typeof createTestBed>;

/** An image of two layers, in the store under the name. */
async function withImage(bed: Bed): Promise<string> {
  using double = await startDouble();
  addImage(double, "x", [layer(), layer()]);
  const name = `${double.name}/a:x`;
  await bed.run(bed.registry(name), bed.store({ name }));
  return name;
}

/** docker-registry with more configuration; certificates and passwords lie in `dir`. */
async function withRegistry(
  more: (dir: string) => Promise<object>,
  work: (at: string, dir: string) => Promise<void>,
) {
  const dir = mkdtempSync("/tmp/skiff-peer-");
  const port = await freePort();
  const settings = (await more(dir)) as { http?: object };
  const config = {
    version: "0.1",
    storage: { filesystem: { rootdirectory: `${dir}/storage` } },
    ...settings,
    http: { addr: `127.0.0.1:${port}`, ...settings.http },
  };
  writeFileSync(`${dir}/config.yml`, JSON.stringify(config));
  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  const child = Bun.spawn(["docker-registry", "serve", `${dir}/config.yml`], quiet);
  try {
    await eventually("docker-registry to listen", async () => {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).catch(
        () => {},
      );
      socket?.end();
      return socket !== undefined;
    });
    await work(`localhost:${port}`, dir);
  } finally {
    child.kill();
    await child.exited;
    rmSync(dir, { recursive: true, force: true });
  }
}

describe("a registry with a password", () => {
  // bcrypt of "secret", by Bun.
  const protect = async (dir: string) => {
    writeFileSync(
      `${dir}/htpasswd`,
      `sailor:${await Bun.password.hash("secret", { algorithm: "bcrypt", cost: 4 })}\n`,
    );
    return { auth: { htpasswd: { realm: "boat", path: `${dir}/htpasswd` } } };
  };

  async function asking(bed: Bed, secret: string) {
    const asked: string[] = [];
    const stream = await bed.open(`auth-${secret}`, (message, queue) => {
      const { host } = fromBinary(AuthRequestSchema, message.value);
      asked.push(host);
      queue.push(packAny(AuthResponseSchema, { authType: AuthType.CREDENTIALS, username: "sailor", secret }));
    });
    return { asked, resolver: { authStream: stream.id } };
  }

  test("push and pull; asked once a transfer", () =>
    withRegistry(protect, async (at) => {
      await using bed = createTestBed();
      const name = await withImage(bed);
      const there = `${at}/team/image:1`;
      const first = await asking(bed, "secret");
      await bed.run(bed.store({ name }), bed.registry(there, first.resolver));
      expect(first.asked).toEqual([at]);
      await using other = createTestBed();
      const second = await asking(other, "secret");
      await other.run(other.registry(there, second.resolver), other.store({ name: there }));
      expect(other.content.list(NAMESPACE).length).toBe(4);
      const wrong = await asking(other, "wrong");
      const message = await failure(
        other.run(other.registry(there, wrong.resolver), other.store({ name: "n" })),
      );
      expect(message).toBe(
        `failed to resolve reference "${there}": pull access denied, repository does not exist or may require authorization: server refused: authorization failed`,
      );
      const none = await failure(other.run(other.registry(there), other.store({ name: "n" })));
      expect(none).toContain("no basic auth credentials: authorization failed");
    }));
});

const certify = async (dir: string) => {
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const make = (name: string) =>
    must([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "2", "-keyout", `${dir}/${name}.key`, "-out", `${dir}/${name}.cert`, ...subject],
    ]);
  await make("server");
  await make("client");
  const tls = {
    certificate: `${dir}/server.cert`,
    key: `${dir}/server.key`,
    clientcas: [`${dir}/client.cert`],
  };
  return { http: { tls } };
};

describe("a registry with certificates", () => {
  test("docker's certs.d and containerd's hosts.toml", () =>
    withRegistry(certify, async (at, dir) => {
      await using bed = createTestBed();
      const name = await withImage(bed);
      const there = `${at}/image:1`;
      const copy = (from: string, to: string) => Bun.write(to, Bun.file(from));
      await copy(`${dir}/server.cert`, `${dir}/docker/${at}/ca.crt`);
      await copy(`${dir}/client.cert`, `${dir}/docker/${at}/client.cert`);
      await copy(`${dir}/client.key`, `${dir}/docker/${at}/client.key`);
      const https = { defaultScheme: "https" };
      await bed.run(bed.store({ name }), bed.registry(there, { ...https, hostDir: `${dir}/docker` }));
      const folder = `${dir}/toml/${at.replace(":", "_").concat("_")}`;
      mkdirSync(folder, { recursive: true });
      const client = `client = [["${dir}/client.cert", "${dir}/client.key"]]`;
      writeFileSync(
        `${folder}/hosts.toml`,
        `server = "https://${at}"\n${client}\n[host."https://${at}"]\ncapabilities = ["pull", "resolve"]\nskip_verify = true\n${client}\n`,
      );
      const pulled = bed.store({ name: "pulled" });
      await bed.run(bed.registry(there, { hostDir: `${dir}/toml` }), pulled);
      expect(bed.images.get(NAMESPACE, "pulled").target.digest).toBe(
        bed.images.get(NAMESPACE, name).target.digest,
      );
      const message = await failure(bed.run(bed.registry(there, https), pulled));
      expect(message).toContain("tls: failed to verify certificate");
    }));
});

describe("a loopback registry with a certificate that nobody vouches for", () => {
  test("is spoken to all the same", () =>
    withRegistry(
      async (dir) => {
        const { http } = await certify(dir);
        return { http: { tls: { certificate: http.tls.certificate, key: http.tls.key } } };
      },
      async (at) => {
        await using bed = createTestBed();
        const name = await withImage(bed);
        await bed.run(bed.store({ name }), bed.registry(`${at}/image:1`, { defaultScheme: "http" }));
        await bed.run(bed.registry(`${at}/image:1`), bed.store({ name: "pulled" }));
      },
    ));
});

describe("a full disk", () => {
  test("is told, and nothing of the image stays", async () => {
    const root = mkdtempSync("/tmp/skiff-full-");
    await must(["mount", "-t", "tmpfs", "-o", "size=1m", "none", root]);
    try {
      await using bed = createTestBed(root);
      using double = await startDouble();
      addImage(double, "x", [layer(), layer(2_000_000)]);
      const name = `${double.name}/a:x`;
      expect(await failure(bed.run(bed.registry(name), bed.store({ name })))).toContain(
        "no space left on device",
      );
      await bed.collector.collect();
      expect(bed.content.list(NAMESPACE)).toEqual([]);
      expect(bed.content.statuses(NAMESPACE)).toEqual([]);
      addImage(double, "x", [layer(), layer()]);
      await bed.run(bed.registry(name), bed.store({ name }));
    } finally {
      await must(["umount", root]);
      rmSync(root, { recursive: true });
    }
  });
});

describe("push", () => {
  test("an insecure registry: HTTPS is tried, HTTP taken", async () => {
    await using bed = createTestBed();
    await using registry = await startRegistry();
    const name = await withImage(bed);
    const folder = `${bed.directory}/hosts/${registry.name}`;
    mkdirSync(folder, { recursive: true });
    const https = `[host."https://${registry.name}"]\ncapabilities = ["pull", "resolve", "push"]\nskip_verify = true\n`;
    writeFileSync(`${folder}/hosts.toml`, `server = "http://${registry.name}"\n${https}`);
    const there = bed.registry(`${registry.name}/x:1`, { hostDir: `${bed.directory}/hosts` });
    await bed.run(bed.store({ name }), there);
    await bed.run(there, bed.store({ name: "again" }));
  });

  test("mounts what the registry has in another repository", async () => {
    await using bed = createTestBed();
    await using registry = await startRegistry();
    const name = await withImage(bed);
    const first = `${registry.name}/one:1`;
    await bed.run(bed.store({ name }), bed.registry(first));
    await bed.run(bed.registry(first), bed.store({ name: first }));
    const told = await bed.run(bed.store({ name: first }), bed.registry(`${registry.name}/two:1`));
    expect(told.some(({ event }) => event === "uploading")).toBe(false);
    await must(["skopeo", "inspect", "--tls-verify=false", `docker://${registry.name}/two:1`]);
  });

  test("uploads again after a server's failure, and says what fails for good", async () => {
    await using bed = createTestBed();
    using double = await startDouble();
    const name = await withImage(bed);
    let broken = 1;
    double.mischief = (request, response) => {
      if (request.method === "POST") response.writeHead(202, { Location: `${request.url}upload?x=1` });
      else if (request.method === "PUT" && request.url!.includes("/blobs/")) {
        request.resume().on("end", () => response.writeHead(broken-- > 0 ? 500 : 201).end());
        return true;
      } else if (request.method === "PUT") response.writeHead(201);
      else return false;
      response.end();
      return true;
    };
    const there = `${double.name}/copy:1`;
    await bed.run(bed.store({ name }), bed.registry(there));
    const puts = double.log.filter(({ line }) => line.startsWith("PUT")).map(({ line }) => line);
    expect(puts.length).toBe(3 + 1 + 1);
    expect(puts.at(-1)).toBe("PUT /v2/copy/manifests/1");
    expect(puts[0]).toMatch(/^PUT \/v2\/copy\/blobs\/uploads\/upload\?x=1&digest=sha256%3A/);
    double.mischief = (request, response) => {
      if (request.method === "GET" || request.method === "HEAD") return false;
      response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"requested access is denied"}]}');
      return true;
    };
    expect(await failure(bed.run(bed.store({ name }), bed.registry(there)))).toContain(
      "403 Forbidden: denied: requested access is denied",
    );
    expect(await failure(bed.run(bed.store({ name: "none" }), bed.registry(there)))).toContain("not found");
  });
});
