/** A container's health, and how a probe's result changes it: pure, in dockerd's words and numbers. */
import type { Healthcheck } from "../../../contracts/engine/container.ts";

export interface ProbeResult {
  /** RFC 3339 with nanoseconds. */
  readonly Start: string;
  readonly End: string;
  /** 0: healthy; -1: it could not run, or took too long. */
  readonly ExitCode: number;
  readonly Output: string;
}

export interface Health {
  readonly Status: "starting" | "healthy" | "unhealthy";
  readonly FailingStreak: number;
  /** The newest last. */
  readonly Log: readonly ProbeResult[];
}

export const HEALTH_STATUSES = ["none", "starting", "healthy", "unhealthy"] as const;

const LOG_MAX = 5;
const RETRIES = 3;
const MS_NS = 1e6;
const DEFAULT_MS = { Interval: 30_000, Timeout: 30_000, StartPeriod: 0, StartInterval: 5_000 };

/** What to run in the container; undefined when nothing is checked. */
export function probeCommand(
  check: Healthcheck | undefined,
  shell: readonly string[] | undefined,
): readonly string[] | undefined {
  const [kind, ...words] = check?.Test ?? [];
  if (kind === "CMD") return words;
  if (kind !== "CMD-SHELL") return undefined;
  return [...(shell === undefined || shell.length === 0 ? ["/bin/sh", "-c"] : shell), ...words];
}

export function healthMs(check: Healthcheck, field: keyof typeof DEFAULT_MS): number {
  const nanoseconds = check[field] ?? 0;
  return nanoseconds === 0 ? DEFAULT_MS[field] : nanoseconds / MS_NS;
}

/** Until the next probe. `upMs`: time since the container's start. */
export function nextProbeMs(check: Healthcheck, health: Health, upMs: number): number {
  const early = health.Status === "starting" && upMs < healthMs(check, "StartPeriod");
  return healthMs(check, early ? "StartInterval" : "Interval");
}

/** `upMs`: how long the container had run when the probe began. Failures within the start period do not count until it was healthy once. */
export function withResult(health: Health, check: Healthcheck, result: ProbeResult, upMs: number): Health {
  const Log = [...health.Log.slice(1 - LOG_MAX), result];
  if (result.ExitCode === 0) return { Status: "healthy", FailingStreak: 0, Log };
  if (health.Status === "starting" && upMs < healthMs(check, "StartPeriod")) return { ...health, Log };
  const FailingStreak = health.FailingStreak + 1;
  const retries = (check.Retries ?? 0) <= 0 ? RETRIES : check.Retries!;
  return { Status: FailingStreak >= retries ? "unhealthy" : health.Status, FailingStreak, Log };
}
