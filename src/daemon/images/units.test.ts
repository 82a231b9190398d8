/** The parts of images that need no containerd. */
import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ProgressSchema } from "../../contracts/containerd/gen/transfer_pb.ts";
import type { ProgressLine } from "../../contracts/engine/image.ts";
import { isSkiffError, SkiffError } from "../../lib/errors.ts";
import { parseReference } from "../../lib/reference.ts";
import { BoundedMap } from "./bounded.ts";
import { chainIds } from "./chain.ts";
import { applyChanges } from "./changes.ts";
import { compressionOf, decompress, detect, gzip } from "./compression.ts";
import { parseCredentials } from "./credentials.ts";
import { parseConfiguration, parseIndex, parseManifest } from "./documents.ts";
import { matchesReference } from "./filters.ts";
import { fit, normalizePlatform, parsePlatform } from "./platform.ts";
import { humanSize, progressBar } from "./progress-bar.ts";
import { createPullProgress } from "./pull-progress.ts";
import { isInsecure } from "./registries.ts";
import { pullError } from "./registry-errors.ts";
import { splitWords } from "./words.ts";

const AMD64 = { os: "linux", architecture: "amd64", variant: "" };
const HEX = "a".repeat(64);

describe("platforms", () => {
  test.each([
    ["amd64", "linux/amd64/"],
    ["linux/x86_64", "linux/amd64/"],
    ["linux/arm64/v8", "linux/arm64/"],
    ["arm", "linux/arm/v7"],
    ["linux/arm/6", "linux/arm/v6"],
    ["windows", "windows/amd64/"],
    ["linux/amd64/v3", "linux/amd64/v3"],
  ])("%s", (text, expected) => {
    const { os, architecture, variant } = parsePlatform(text, AMD64)!;
    expect(`${os}/${architecture}/${variant}`).toBe(expected);
  });

  test("what runs where", () => {
    const arm = (variant: string) => ({ os: "linux", architecture: "arm", variant });
    expect(fit(arm("v6"), arm("v7"))).toBe(1);
    expect(fit(arm("v7"), arm("v6"))).toBeUndefined();
    expect(fit(AMD64, { ...AMD64, variant: "v3" })).toBe(2);
    expect(fit({ ...AMD64, os: "windows" }, AMD64)).toBeUndefined();
    expect(normalizePlatform({ os: "Linux", architecture: "AARCH64", variant: "" }).architecture).toBe(
      "arm64",
    );
    expect(() => parsePlatform("linux/a b", AMD64)).toThrow("invalid component");
    expect(() => parsePlatform("a/b/c/d", AMD64)).toThrow("cannot parse platform specifier");
  });
});

describe("changes", () => {
  test("each instruction", () => {
    const changes = [
      'CMD ["a","b"]',
      "entrypoint run it",
      'ENV A=1 B="two words"',
      "ENV C three",
      "EXPOSE 80",
      "LABEL a=b c='d e'",
      "USER me",
      'VOLUME ["/x"]',
      "WORKDIR /a",
      "WORKDIR b/../c",
      "STOPSIGNAL SIGINT",
      "HEALTHCHECK --interval=1m30s --retries=2 CMD check it",
      "ONBUILD RUN x",
    ];
    expect(applyChanges({ Env: ["A=0", "Z=1"] }, changes)).toEqual({
      Cmd: ["a", "b"],
      Entrypoint: ["/bin/sh", "-c", "run it"],
      Env: ["A=1", "Z=1", "B=two words", "C=three"],
      ExposedPorts: { "80/tcp": {} },
      Labels: { a: "b", c: "d e" },
      User: "me",
      Volumes: { "/x": {} },
      WorkingDir: "/a/c",
      StopSignal: "SIGINT",
      Healthcheck: { Test: ["CMD-SHELL", "check it"], Interval: 90e9, Retries: 2 },
      OnBuild: ["RUN x"],
    });
  });

  test.each([
    ["RUN x", "RUN is not a valid change command"],
    ["ENV", "ENV must have two arguments"],
    ["EXPOSE 99999", "invalid containerPort: 99999"],
    ["STOPSIGNAL a b", "STOPSIGNAL requires exactly one argument"],
    ["HEALTHCHECK FOO", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
    ["constructor x", "CONSTRUCTOR is not a valid change command"],
  ])("%s is refused", (change, message) => {
    expect(() => applyChanges({}, [change])).toThrow(message);
  });

  test("whatever comes is taken or refused, never a crash", () => {
    const names = [
      "CMD",
      "ENV",
      "EXPOSE",
      "LABEL",
      "VOLUME",
      "WORKDIR",
      "HEALTHCHECK",
      "ONBUILD",
      "STOPSIGNAL",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string(), (name, rest) => {
        try {
          applyChanges({}, [`${name} ${rest}`]);
        } catch (error) {
          expect(isSkiffError(error)).toBe(true);
        }
      }),
    );
  });

  test("words", () => {
    expect(splitWords(`a "b c" d\\ e 'f\\' ""`)).toEqual(["a", "b c", "d e", "f\\", ""]);
  });
});

describe("documents", () => {
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  const descriptor = { mediaType: "application/x", digest: `sha256:${HEX}`, size: 3 };

  test("what is wrong is refused", () => {
    expect(() => parseManifest(bytes({ config: { ...descriptor, digest: "sha256:../x" } }))).toThrow(
      "digest",
    );
    expect(() => parseManifest(bytes({ config: { ...descriptor, size: -1 } }))).toThrow("size");
    expect(() => parseManifest(bytes({ config: descriptor, layers: {} }))).toThrow("not a list");
    expect(() => parseConfiguration(bytes({ config: { Cmd: "x" } }))).toThrow("not a list");
    expect(() => parseConfiguration(bytes({ config: { Env: [1] } }))).toThrow("not a string");
    expect(() => parseIndex(Buffer.from("<html>"))).toThrow("not JSON");
  });

  test("unknown fields stay out", () => {
    const { config } = parseConfiguration(
      bytes({ os: "linux", config: { Cmd: ["a"], Evil: 1, Hostname: "x" } }),
    );
    expect(config).toEqual({ Cmd: ["a"] });
  });

  test("any JSON is taken or refused", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        for (const parse of [parseConfiguration, parseManifest, parseIndex]) {
          try {
            parse(Buffer.from(json));
          } catch (error) {
            expect(isSkiffError(error)).toBe(true);
          }
        }
      }),
    );
  });
});

test("chain ids", () => {
  const [first, second] = chainIds([`sha256:${HEX}`, `sha256:${"b".repeat(64)}`]);
  expect(first).toBe(`sha256:${HEX}`);
  const text = `sha256:${HEX} sha256:${"b".repeat(64)}`;
  expect(second).toBe(`sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`);
});

test("reference patterns match name or name with tag, and stop at slashes", () => {
  expect(matchesReference("docker.io/library/busybox:1.36", "busy*")).toBe(true);
  expect(matchesReference("docker.io/library/busybox:1.36", "*:1.*")).toBe(true);
  expect(matchesReference("quay.io/a/b:1", "*b")).toBe(false);
  expect(matchesReference("quay.io/a/b:1", "*/*/b")).toBe(true);
});

test("credentials are read or ignored", () => {
  const header = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  expect(parseCredentials(header({ username: "u", password: "p" }))).toMatchObject({
    username: "u",
    password: "p",
  });
  const auth = Buffer.from("u:p:q").toString("base64");
  expect(parseCredentials(header({ auth }))).toMatchObject({ username: "u", password: "p:q" });
  for (const text of ["", "!!", header({}), header([1])]) expect(parseCredentials(text)).toBeUndefined();
});

test("which registries need no TLS", () => {
  const registries = { insecureRegistries: ["10.0.0.0/8", "reg.local:5000"], mirrors: [] };
  for (const domain of [
    "127.0.0.1:5000",
    "127.9.9.9",
    "[::1]:5000",
    "localhost",
    "10.1.2.3",
    "reg.local:5000",
  ])
    expect(isInsecure(domain, registries)).toBe(true);
  for (const domain of ["docker.io", "11.0.0.1", "reg.local", "127.evil.com", "localhost.evil.com"])
    expect(isInsecure(domain, registries)).toBe(false);
});

test("progress bars as Docker draws them", () => {
  expect(progressBar(0, 0)).toBe("");
  expect(progressBar(512, 1024)).toBe(`[${"=".repeat(25)}>${" ".repeat(25)}]     512B/1.024kB`);
  expect(progressBar(1024, 1024)).toBe(`[${"=".repeat(50)}>]  1.024kB/1.024kB`);
  expect(humanSize(1_234_567)).toBe("1.235MB");
});

describe("progress of a pull", () => {
  const digest = `sha256:${HEX}`;
  const told = (...events: string[]) => {
    const lines: ProgressLine[] = [];
    const progress = createPullProgress(parseReference("box:1"), { line: (line) => void lines.push(line) });
    for (const event of events)
      progress.tell(create(ProgressSchema, { event, name: `layer-${digest}`, progress: 1n, total: 2n }));
    progress.complete([{ digest, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", size: 2 }]);
    return lines.map(({ status }) => status);
  };

  test("a layer's whole way, also when containerd tells less", () => {
    expect(told("waiting", "downloading", "complete", "extracting", "extracted")).toEqual([
      ...["Pulling from library/box", "Pulling fs layer", "Downloading", "Download complete", "Extracting"],
      "Pull complete",
    ]);
    expect(told("waiting", "complete")).toEqual([
      ...["Pulling from library/box", "Pulling fs layer", "Download complete", "Pull complete"],
    ]);
  });

  test("of what is here already nothing", () => {
    expect(told("waiting", "already exists")).toEqual(["Pulling from library/box"]);
  });
});

test("a registry's refusals in Docker's words", () => {
  const reference = parseReference("127.0.0.1:5000/x:1");
  const words = (code: "not_found" | "unavailable" | "permission_denied", text: string) =>
    pullError(new SkiffError(code, text), reference, AMD64).message;
  expect(words("not_found", "failed to resolve image: 127.0.0.1:5000/x:1: not found")).toBe(
    "manifest for 127.0.0.1:5000/x:1 not found: manifest unknown: manifest unknown",
  );
  expect(words("permission_denied", "insufficient_scope")).toStartWith(
    "pull access denied for 127.0.0.1:5000/x, repository does not exist or may require 'docker login': denied",
  );
  expect(words("not_found", "no match for platform linux/amd64 in manifest sha256:x: not found")).toStartWith(
    "no matching manifest for linux/amd64 in the manifest list entries",
  );
});

test("compression is told by the first bytes and undone", async () => {
  async function* source() {
    yield Buffer.from("hel");
    yield Buffer.from("lo");
  }
  const { compression, stream } = await detect(gzip(source()));
  expect(compression).toBe("gzip");
  expect(Buffer.concat(await Array.fromAsync(decompress(compression, stream))).toString()).toBe("hello");
  expect(compressionOf(Buffer.from("BZh9"))).toBe("bzip2");
  const plain = await detect(source());
  expect(plain.compression).toBe("none");
  expect(Buffer.concat(await Array.fromAsync(plain.stream)).toString()).toBe("hello");
});

test("a bounded map forgets what was not used", () => {
  const map = new BoundedMap<number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
});
