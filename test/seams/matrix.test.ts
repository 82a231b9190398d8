/** {docker CLI, skiff} × skiffd × skiff-containerd × {skiff-runc, runc, crun}: each cell plays the same scenario. */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { CLIENTS, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxLayout, push } from "../harness/images.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { runtimeFlags } from "../harness/runtimes.ts";
import { playScenario } from "./scenario.ts";

const RUNTIMES = ["skiff-runc", "runc", "crun"] as const;

describe("swap matrix", () => {
  const directory = mkdtempSync("/tmp/skiff-matrix-");
  let engine: Engine;
  let registry: Registry;
  let image: string;

  beforeAll(async () => {
    registry = await startRegistry();
    image = await push(await busyboxLayout(), `${registry.name}/busybox:latest`);
    engine = await startEngine({ flags: runtimeFlags(directory) });
  }, 120_000);
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  for (const client of CLIENTS) {
    for (const runtime of RUNTIMES) {
      test(`${client} → skiffd → skiff-containerd → ${runtime}`, () =>
        playScenario(engine, { client, runtime }, image));
    }
  }
});
