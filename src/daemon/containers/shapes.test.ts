import { expect, test } from "bun:test";
import fc from "fast-check";
import { completeConfig, completeHostConfig } from "./config.ts";
import { CONFIG_SHAPE, checkShape, EXEC_SHAPE, HOST_SHAPE } from "./shapes.ts";

test("wrong types are refused in Go's words", () => {
  const words = (value: unknown, shape = HOST_SHAPE) => {
    try {
      checkShape(value, shape, "CreateRequest");
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(words({ Image: 5 }, CONFIG_SHAPE)).toBe(
    "invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Image of type string",
  );
  expect(words({ Binds: "x" })).toContain("string into Go struct field CreateRequest.Binds of type []string");
  expect(words({ PortBindings: { "80/tcp": [{ HostPort: 80 }] } })).toContain(
    "CreateRequest.PortBindings.80/tcp.HostPort",
  );
  expect(words({ Mounts: [4] })).toContain("cannot unmarshal number");
  expect(words({ Memory: 1.5 })).toContain("of type int64");
  expect(words({ Cmd: "ls", Env: null }, EXEC_SHAPE)).toBe("");
  expect(words({ Memory: 1, Unknown: {}, Tmpfs: { "/x": "" }, LogConfig: { Config: null } })).toBe("");
});

test("whatever JSON comes, it is taken or refused as the client's fault", () => {
  const keys = [
    "Image",
    "Cmd",
    "Env",
    "Labels",
    "Volumes",
    "Binds",
    "Memory",
    "Mounts",
    "Ulimits",
    "PortBindings",
    "LogConfig",
  ];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), (body) => {
      for (const complete of [completeConfig, completeHostConfig])
        try {
          complete(body);
        } catch (error) {
          expect((error as { code?: string }).code).toBe("invalid_argument");
        }
    }),
  );
});
