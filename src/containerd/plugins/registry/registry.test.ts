import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { freePort } from "../../../../test/harness/registry.ts";
import { sha256Of } from "../../../lib/digest.ts";
import { DOCKER_LAYER_GZIP } from "../transfer/media-types.ts";
import { parseChallenges } from "./challenge.ts";
import { hostsOf, isLoopback } from "./hosts.ts";
import { addImage, bytesOf, clientOf, type Double, startDouble } from "./testing.ts";

const layer = (bytes: Buffer) => ({ bytes, diffId: sha256Of(bytes) });
const descriptorOf = (bytes: Buffer, urls?: readonly string[]) => ({
  ...{ mediaType: DOCKER_LAYER_GZIP, digest: sha256Of(bytes), size: bytes.length },
  ...(urls === undefined ? {} : { urls }),
});

describe("resolve", () => {
  test("a tag, by HEAD", async () => {
    using double = await startDouble();
    const image = addImage(double, "one", [layer(Buffer.from("x"))]);
    expect(await clientOf(`${double.name}/a/b:one`).resolve()).toEqual(image);
    expect(double.log.map(({ line }) => line)).toEqual(["HEAD /v2/a/b/manifests/one"]);
  });

  test("without the registry's digest, by GET", async () => {
    using double = await startDouble();
    const image = addImage(double, "one", []);
    double.mischief = (request, response) => {
      if (request.method !== "HEAD") return false;
      response.writeHead(200).end();
      return true;
    };
    expect(await clientOf(`${double.name}/a:one`).resolve()).toEqual(image);
  });

  test("what is not there", async () => {
    using double = await startDouble();
    const name = `${double.name}/a:none`;
    await expect(clientOf(name).resolve()).rejects.toThrow(`${name}: not found`);
  });

  test("nobody listens", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/v2/a/manifests/x`;
    const message = `failed to do request: Head "${url}": dial tcp 127.0.0.1:${port}: connect: connection refused`;
    await expect(clientOf(`127.0.0.1:${port}/a:x`).resolve()).rejects.toThrow(message);
  });

  test("busy registries are asked again", async () => {
    using double = await startDouble();
    const image = addImage(double, "one", []);
    const pauses: number[] = [];
    double.mischief = (_, response, count) => {
      if (count > 1) return false;
      if (count === 0) response.writeHead(429, { "Retry-After": "7" }).end();
      else response.writeHead(503).end();
      return true;
    };
    const sleep = async (ms: number) => void pauses.push(ms);
    expect(await clientOf(`${double.name}/a:one`, { sleep }).resolve()).toEqual(image);
    expect(pauses).toEqual([7000, 400]);
  });

  test("a registry that stays broken", async () => {
    using double = await startDouble();
    double.mischief = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    const name = `${double.name}/a:one`;
    const message = `unexpected status from HEAD request to http://${double.name}/v2/a/manifests/one: 500`;
    await expect(clientOf(name).resolve()).rejects.toThrow(message);
  });

  test("a manifest beyond all measure", async () => {
    using double = await startDouble();
    double.manifests.set("big", {
      type: "application/vnd.oci.image.manifest.v1+json",
      bytes: Buffer.alloc(5_000_000),
    });
    await expect(clientOf(`${double.name}/a:big`).resolve()).rejects.toThrow(
      "rejecting 5000000 byte manifest",
    );
  });

  test("a digest that is a path", async () => {
    using double = await startDouble();
    double.mischief = (_, response) => {
      response.writeHead(200, { "Docker-Content-Digest": "sha256:../../x", "Content-Length": "3" }).end();
      return true;
    };
    await expect(clientOf(`${double.name}/a:b`).resolve()).rejects.toThrow("in header not a valid digest");
  });
});

describe("fetch", () => {
  const bytes = randomBytes(300_000);

  /** Cuts each answer after `size` bytes. */
  function cutting(double: Double, size: number, cuts: number): void {
    double.mischief = (request, response, count) => {
      if (count >= cuts) return false;
      const from = Number(/\d+/.exec(request.headers.range ?? "0")![0]);
      response.writeHead(from > 0 ? 206 : 200, {
        "Content-Length": bytes.length - from,
        ...(from > 0 ? { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
      });
      response.write(bytes.subarray(from, from + size));
      // Bun forgets bytes that nobody has read when a connection breaks.
      setTimeout(() => response.socket?.end(), 20);
      return true;
    };
  }

  test("goes on where a connection broke", async () => {
    using double = await startDouble();
    double.blobs.set(sha256Of(bytes), bytes);
    cutting(double, 70_000, 3);
    const got = await bytesOf(clientOf(`${double.name}/a:b`).fetch(descriptorOf(bytes), 0));
    expect(got.equals(bytes)).toBe(true);
    expect(double.log.length).toBe(4);
    expect(double.log.at(-1)!.headers.range).toMatch(/^bytes=\d+-$/);
  });

  test("a server that ignores ranges", async () => {
    using double = await startDouble();
    double.mischief = (_, response) => {
      response.writeHead(200, { "Content-Length": bytes.length }).end(bytes);
      return true;
    };
    const got = await bytesOf(clientOf(`${double.name}/a:b`).fetch(descriptorOf(bytes), 123_456));
    expect(got.equals(bytes.subarray(123_456))).toBe(true);
  });

  test("gives up on one that never gets on", async () => {
    using double = await startDouble();
    cutting(double, 0, Number.POSITIVE_INFINITY);
    const fetching = bytesOf(clientOf(`${double.name}/a:b`).fetch(descriptorOf(bytes), 0));
    await expect(fetching).rejects.toThrow("unexpected EOF");
  });

  test("a foreign URL sees no credentials, and a redirect neither", async () => {
    using double = await startDouble();
    using foreign = await startDouble();
    foreign.blobs.set(sha256Of(bytes), bytes);
    double.mischief = (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
        return true;
      }
      response.writeHead(307, { Location: `http://${foreign.name}/v2/a/blobs/${sha256Of(bytes)}` }).end();
      return true;
    };
    const options = {
      credentials: { credentials: async () => ({ kind: "password" as const, username: "u", secret: "p" }) },
      headers: { "X-Secret": "s" },
    };
    const client = clientOf(`${double.name}/a:b`, options);
    expect((await bytesOf(client.fetch(descriptorOf(bytes), 0))).equals(bytes)).toBe(true);
    expect(double.log.at(-1)!.headers.authorization).toBe(`Basic ${btoa("u:p")}`);
    const urls = [`http://${foreign.name}/v2/a/blobs/${sha256Of(bytes)}`];
    expect((await bytesOf(client.fetch(descriptorOf(bytes, urls), 0))).equals(bytes)).toBe(true);
    expect(foreign.log.length).toBe(2);
    for (const { headers } of foreign.log) {
      expect(headers.authorization).toBeUndefined();
      expect(headers["x-secret"]).toBeUndefined();
    }
    // A foreign host that asks for credentials gets none: the registry itself is asked next.
    foreign.mischief = (request, response) => {
      if (request.url !== "/foreign") return false;
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
      return true;
    };
    const asking = client.fetch(descriptorOf(bytes, [`http://${foreign.name}/foreign`]), 0);
    expect((await bytesOf(asking)).equals(bytes)).toBe(true);
    expect(foreign.log.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  test("can be canceled", async () => {
    using double = await startDouble();
    double.mischief = (_, response) => {
      response.writeHead(200, { "Content-Length": bytes.length });
      response.write(bytes.subarray(0, 1000));
      return true;
    };
    const stop = new AbortController();
    const client = clientOf(`${double.name}/a:b`, { signal: stop.signal });
    const read = async () => {
      for await (const _ of client.fetch(descriptorOf(bytes), 0)) stop.abort();
    };
    await expect(read()).rejects.toThrow("context canceled");
  });
});

describe("authorization", () => {
  async function withTokens(kind: "password" | "none" | "refresh") {
    using double = await startDouble();
    const image = addImage(double, "one", []);
    double.mischief = (request, response) => {
      if (request.url!.startsWith("/token")) {
        response.writeHead(200).end('{"token":"let-me-in"}');
        return true;
      }
      if (request.headers.authorization === "Bearer let-me-in") return false;
      const realm = `Bearer realm="http://${double.name}/token",service="svc",scope="repository:a:pull"`;
      response.writeHead(401, { "WWW-Authenticate": realm }).end();
      return true;
    };
    const credentials = {
      credentials: async () => ({ kind, username: "u", secret: "p" }) as never,
    };
    const client = clientOf(`${double.name}/a:one`, { credentials });
    expect(await client.resolve()).toEqual(image);
    expect(await client.resolve()).toEqual(image);
    return double.log;
  }

  test("a bearer token, fetched once", async () => {
    const log = await withTokens("password");
    expect(log.map(({ line }) => line.split("?")[0])).toEqual([
      "HEAD /v2/a/manifests/one",
      "GET /token",
      "HEAD /v2/a/manifests/one",
      "HEAD /v2/a/manifests/one",
    ]);
    expect(log[1]!.line).toBe("GET /token?service=svc&scope=repository%3Aa%3Apull&account=u");
    expect(log[1]!.headers.authorization).toBe(`Basic ${btoa("u:p")}`);
  });

  test("anonymously", async () => {
    const log = await withTokens("none");
    expect(log[1]!.headers.authorization).toBeUndefined();
  });

  test("with a refresh token", async () => {
    expect((await withTokens("refresh"))[1]!.line).toBe("POST /token");
  });

  test("wrong credentials end, they do not loop", async () => {
    using double = await startDouble();
    double.mischief = (_, response) => {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
      return true;
    };
    const known = { credentials: async () => ({ kind: "password" as const, username: "u", secret: "p" }) };
    const name = `${double.name}/a:b`;
    await expect(clientOf(name, { credentials: known }).resolve()).rejects.toThrow("authorization failed");
    await expect(clientOf(name).resolve()).rejects.toThrow("no basic auth credentials: authorization failed");
  });

  test("challenges of any text are read or passed over", () => {
    expect(parseChallenges('Basic realm="a\\"b", Bearer realm="r",scope="x,y"')).toEqual([
      {
        scheme: "bearer",
        parameters: new Map([
          ["realm", "r"],
          ["scope", "x,y"],
        ]),
      },
      { scheme: "basic", parameters: new Map([["realm", 'a"b']]) },
    ]);
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => Array.isArray(parseChallenges(text))));
  });
});

describe("hosts", () => {
  const settings = { defaultScheme: "", hostDir: "" };
  test("where registries are", () => {
    expect(hostsOf("docker.io", settings)[0]).toMatchObject({
      scheme: "https",
      host: "registry-1.docker.io",
    });
    expect(hostsOf("quay.io", settings)[0]).toMatchObject({ scheme: "https", host: "quay.io" });
    expect(hostsOf("127.3.2.1:80", settings)[0]!.scheme).toBe("http");
    expect(hostsOf("localhost", { ...settings, defaultScheme: "https" })[0]!.scheme).toBe("https");
    expect(["localhost:5", "[::1]:5", "127.0.0.1", "127.evil.com", "10.0.0.1"].map(isLoopback)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});
