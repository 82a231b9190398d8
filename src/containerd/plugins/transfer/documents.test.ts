import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256Of } from "../../../lib/digest.ts";
import { codeOf } from "../../../lib/errors.ts";
import { parseReference } from "../../../lib/reference.ts";
import { childLabels, mountSource, sourceLabel } from "./labels.ts";
import { childrenOf, parseDescriptor, parseDocument, parseJson } from "./manifests.ts";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";
import { choose, formatPlatform, normalize, rank } from "./platforms.ts";

const descriptor = (mediaType: string, text = "x") => ({ mediaType, digest: sha256Of(text), size: 3 });
const parse = (document: unknown, mediaType: string) =>
  parseDocument(Buffer.from(JSON.stringify(document)), { mediaType, digest: "d" });

describe("documents", () => {
  const config = descriptor("application/vnd.oci.image.config.v1+json");
  test("manifest and index", () => {
    const layers = [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")];
    expect(parse({ config, layers }, OCI_MANIFEST)).toMatchObject({ kind: "manifest", config, layers });
    expect(parse({ mediaType: DOCKER_LIST, manifests: [config] }, DOCKER_LIST)).toMatchObject({
      kind: "index",
    });
    expect(parse({ manifests: null }, OCI_INDEX)).toEqual({ kind: "index", manifests: [] });
  });

  test.each([
    [{ config, manifests: [] }, OCI_MANIFEST, "expected manifest but found index"],
    [{ config, mediaType: OCI_INDEX }, OCI_MANIFEST, "expected manifest but found index"],
    [{ manifests: [], layers: [] }, OCI_INDEX, "expected index but found manifest"],
    [{ manifests: [], mediaType: OCI_MANIFEST }, OCI_INDEX, "expected index but found manifest"],
    [{ config, mediaType: DOCKER_MANIFEST }, OCI_MANIFEST, "document says"],
    [{ config, fsLayers: [] }, DOCKER_MANIFEST, "schema 1 not supported"],
    [{ config: { ...config, size: -1 } }, OCI_MANIFEST, "invalid size"],
    [{ config: { ...config, size: 1e300 } }, OCI_MANIFEST, "invalid size"],
    [{ config: { ...config, digest: `sha512:${"a".repeat(128)}` } }, OCI_MANIFEST, "is not supported"],
    [{ config: { ...config, urls: [1] } }, OCI_MANIFEST, "urls is no list of strings"],
    [[], OCI_MANIFEST, "no object"],
    ["text", OCI_INDEX, "no object"],
  ])("%j as %s is refused", (document, mediaType, message) => {
    expect(() => parse(document, mediaType)).toThrow(message);
  });

  test("JSON is bounded in depth", () => {
    expect(() => parseJson(Buffer.from("[".repeat(1_000_000)))).toThrow("nested too deeply");
    expect(parseJson(Buffer.from(JSON.stringify({ a: '[[["\\"' })))).toEqual({ a: '[[["\\"' });
  });

  test("any JSON is read or refused as invalid", () => {
    const types = fc.constantFrom(OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "other");
    const document = fc.oneof(
      fc.jsonValue(),
      fc.record(
        { config: fc.jsonValue(), layers: fc.array(fc.jsonValue()), manifests: fc.array(fc.jsonValue()) },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(document, types, (value, type) => {
        try {
          for (const child of childrenOf(parse(value, type))) parseDescriptor(child);
        } catch (error) {
          expect(codeOf(error)).toBe("invalid_argument");
        }
      }),
    );
  });
});

describe("platforms", () => {
  const platform = (text: string) => {
    const [os = "", architecture = "", variant = ""] = text.split("/");
    return { os, architecture, variant };
  };
  test.each([
    ["linux/x86_64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["Linux/aarch64/v8", "linux/arm64"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/arm/6", "linux/arm/v6"],
  ])("%s is %s", (text, expected) => {
    expect(formatPlatform(normalize(platform(text)))).toBe(expected);
  });

  test.each([
    ["linux/amd64", "linux/amd64", 0],
    ["linux/amd64", "linux/amd64/v3", undefined],
    ["linux/amd64/v3", "linux/amd64/v2", 1],
    ["linux/amd64/v3", "linux/amd64", 2],
    ["linux/amd64", "linux/386", 1],
    ["linux/arm/v7", "linux/arm/v5", 2],
    ["linux/arm/v6", "linux/arm/v7", undefined],
    ["linux/arm64", "linux/arm/v7", 2],
    ["linux/amd64", "windows/amd64", undefined],
  ])("a machine of %s runs %s with rank %p", (wanted, offered, expected) => {
    expect(rank(platform(wanted), platform(offered))).toBe(expected);
  });

  test("of several the best is chosen, of each platform", () => {
    const of = (text: string) => ({ ...descriptor(OCI_MANIFEST, text), platform: platform(text) });
    const manifests = ["linux/arm/v5", "linux/arm/v6", "linux/amd64", "unknown/unknown"].map(of);
    const names = (wanted: string[], limit = 0) =>
      choose(manifests, wanted.map(platform), limit).map((chosen) => formatPlatform(chosen.platform!));
    expect(names(["linux/arm/v7"])).toEqual(["linux/arm/v6"]);
    expect(names(["linux/amd64", "linux/arm/v5"])).toEqual(["linux/amd64", "linux/arm/v5"]);
    expect(names(["linux/amd64", "linux/arm/v5"], 1)).toEqual(["linux/amd64"]);
    expect(names(["linux/s390x"])).toEqual([]);
    expect(choose(manifests, [], 0).length).toBe(4);
    expect(choose([descriptor(OCI_MANIFEST)], [platform("linux/arm64")], 0).length).toBe(1);
  });
});

describe("labels", () => {
  test("of children, counted by kind", () => {
    const children = [
      descriptor("application/vnd.oci.image.config.v1+json", "c"),
      descriptor("application/vnd.oci.image.layer.v1.tar", "l"),
      descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", "k"),
      descriptor(OCI_MANIFEST, "m"),
      descriptor("application/x", "o"),
    ];
    expect(childLabels(children)).toEqual({
      "containerd.io/gc.ref.content.config": sha256Of("c"),
      "containerd.io/gc.ref.content.l.0": sha256Of("l"),
      "containerd.io/gc.ref.content.l.1": sha256Of("k"),
      "containerd.io/gc.ref.content.m.0": sha256Of("m"),
      "containerd.io/gc.ref.content.0": sha256Of("o"),
    });
  });

  test("of repositories, as many as fit", () => {
    const key = "containerd.io/distribution.source.docker.io";
    expect(sourceLabel({ [key]: "b,z" }, parseReference("docker.io/a/c"))).toEqual({ [key]: "a/c,b,z" });
    const many = Array.from({ length: 500 }, (_, i) => `repo-${i}`).join(",");
    const label = sourceLabel({ [key]: many }, parseReference("zz/zz"));
    expect(key.length + label[key]!.length).toBeLessThanOrEqual(4096);
    expect(mountSource({ [key]: "a/c,b" }, parseReference("a/c"))).toBe("b");
    expect(mountSource({ [key]: "a/c" }, parseReference("a/c"))).toBe("");
    expect(mountSource({ [key]: "a/c" }, parseReference("quay.io/x/y"))).toBe("");
  });
});
