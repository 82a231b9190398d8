/**
 * Scenarios in a client's own language: a program that runs named steps one after the other and prints a line of JSON for each:
 * `{"step": NAME, "error": TEXT or null}`. Each becomes a test of its own; a step that never ran fails too.
 */
import { expect } from "bun:test";
import { type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive, busyboxLayout, push } from "../harness/images.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { shell } from "../harness/shell.ts";

export interface Scenario extends AsyncDisposable {
  /** Throws what went wrong in this step. */
  check(step: string): void;
}

interface Line {
  readonly step: string;
  readonly error: string | null;
}

function parseLines(text: string): Map<string, string | null> {
  const lines = text.split("\n").filter((line) => line.startsWith('{"step"'));
  return new Map(lines.map((line) => JSON.parse(line) as Line).map(({ step, error }) => [step, error]));
}

async function run(argv: readonly string[], engine: Engine, registry: Registry): Promise<Scenario> {
  await engine.ok("docker", ["load", "-q", "-i", await busyboxArchive()]);
  const image = await push(await busyboxLayout(), `${registry.name}/sea/busybox:latest`);
  const env = { DOCKER_HOST: engine.host, DOCKER_CONFIG: `${engine.dir}/config`, IMAGE: image };
  const outcome = await shell(argv, { env });
  const steps = parseLines(outcome.stdout);
  return {
    check(step) {
      const error = steps.get(step);
      if (error === undefined) throw new Error(`${step} never ran: ${outcome.stdout}${outcome.stderr}`);
      expect(error).toBeNull();
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** Runs the program against an engine of its own, with `busybox:latest` loaded and `IMAGE` in a registry. */
export async function runScenario(argv: readonly string[]): Promise<Scenario> {
  await using parts = new AsyncDisposableStack();
  const registry = parts.use(await startRegistry());
  const engine = parts.use(await startEngine());
  const scenario = await run(argv, engine, registry);
  parts.move();
  return scenario;
}
