/** Runs programs for tests: bounded in time, output captured, nothing inherited from the tester's own Docker settings. */
import { constants } from "node:os";

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 128 + n for signal n. */
  readonly code: number;
}

export interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  /** Milliseconds until SIGKILL. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;

/** The tester's environment without what would point clients elsewhere. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(DOCKER|CONTAINERD)_/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C", ...extra } as Record<string, string>;
}

export async function shell(argv: readonly string[], options: ShellOptions = {}): Promise<Outcome> {
  const child = Bun.spawn([...argv], {
    env: cleanEnv(options.env),
    cwd: options.cwd,
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin as string]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill(9), options.timeoutMs ?? TIMEOUT_MS);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  clearTimeout(timer);
  const signal = child.signalCode === null ? 0 : constants.signals[child.signalCode as NodeJS.Signals];
  return { stdout, stderr, code: child.exitCode ?? 128 + signal };
}

/** `shell` that throws with the program's own words unless it exits 0; answers stdout. */
export async function must(argv: readonly string[], options: ShellOptions = {}): Promise<string> {
  const outcome = await shell(argv, options);
  if (outcome.code !== 0) {
    throw new Error(`${argv.join(" ")}: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
  }
  return outcome.stdout;
}

/** Asks `probe` every 50 ms until it answers something other than undefined or false. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    await Bun.sleep(50);
  }
  throw new Error(`gave up waiting for ${what} after ${timeoutMs} ms`);
}
