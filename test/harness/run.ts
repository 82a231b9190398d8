/**
 * Runs every test file of the tree and ends with `N passed, N failed`: `bun test/harness/run.ts [PATH-PART …]`.
 *
 * Each file is a process of its own (`bun test FILE`), as many at once as the machine has cores. The probe of Bun itself comes first,
 * alone: a new Bun shows its faults before anything else does. After the last file nothing of ours may be left on the machine.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { leftOvers, look } from "./leaks.ts";
import { cleanEnv } from "./shell.ts";

const FILE_TIMEOUT_MS = 10 * 60_000;
const TEST_TIMEOUT_MS = 180_000;

interface Result {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly seconds: number;
  readonly output: string;
}

/** Counts of a JUnit report; a file that crashed before it wrote one is one failure. */
function readReport(path: string): { passed: number; failed: number; skipped: string[] } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const cases = [...text.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)];
  const skipped = cases.filter(([, , body]) => body?.includes("<skipped")).map(([, name]) => name!);
  const failed = cases.filter(([, , body]) => /<failure|<error/.test(body ?? "")).length;
  return { passed: cases.length - failed - skipped.length, failed, skipped };
}

async function runFile(file: string): Promise<Result> {
  const dir = mkdtempSync(join(tmpdir(), "skiff-report-"));
  const report = join(dir, "junit.xml");
  const startedMs = Date.now();
  const argv = [process.execPath, "test", `--timeout=${TEST_TIMEOUT_MS}`, "--reporter=junit"];
  const child = Bun.spawn([...argv, `--reporter-outfile=${report}`, `./${file}`], {
    env: cleanEnv(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill(9), FILE_TIMEOUT_MS);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const code = await child.exited;
  clearTimeout(timer);
  const counts = readReport(report) ?? { passed: 0, failed: 0, skipped: [] };
  rmSync(dir, { recursive: true, force: true });
  const crashed = code !== 0 && counts.failed === 0 ? 1 : 0;
  const seconds = (Date.now() - startedMs) / 1000;
  return { file, ...counts, failed: counts.failed + crashed, seconds, output: stdout + stderr };
}

function report(result: Result): void {
  const mark = result.failed === 0 ? "ok  " : "FAIL";
  console.log(
    `${mark} ${result.file} (${result.passed} passed, ${result.failed} failed, ${result.seconds.toFixed(1)} s)`,
  );
  for (const name of result.skipped) console.log(`     skipped: ${name}`);
  if (result.failed > 0) console.log(result.output);
}

/** Long files first, so that the last worker is not left alone with one. */
function findFiles(parts: readonly string[]): string[] {
  const all = ["src", "test", "scripts"].flatMap((dir) => [
    ...new Bun.Glob(`${dir}/**/*.test.ts`).scanSync("."),
  ]);
  const wanted = all.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  const weight = (file: string) => (file.startsWith("test/vm") ? 0 : file.startsWith("test/") ? 1 : 2);
  return wanted.sort((a, b) => weight(a) - weight(b) || a.localeCompare(b));
}

async function main(): Promise<number> {
  const files = findFiles(process.argv.slice(2));
  const before = look();
  const results: Result[] = [];
  const take = async (file: string | undefined): Promise<void> => {
    if (file === undefined) return;
    const result = await runFile(file);
    report(result);
    results.push(result);
  };
  const probe = files.indexOf("test/probe/bun.test.ts");
  if (probe >= 0) await take(files.splice(probe, 1)[0]);
  const worker = async () => {
    while (files.length > 0) await take(files.shift());
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const left = await leftOvers(before);
  for (const line of left) console.log(`FAIL left behind: ${line}`);
  const sum = (pick: (result: Result) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  const failed = sum((result) => result.failed) + (left.length > 0 ? 1 : 0);
  const skipped = sum((result) => result.skipped.length);
  const passed = sum((result) => result.passed) + (left.length === 0 ? 1 : 0);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed === 0 && passed > 1 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
