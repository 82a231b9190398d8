/** A `Stdio` as the words of the supervisor's command line (native/SUPERVISOR.md). */
import type { Stdio } from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";

interface Target {
  /** `null`, `socket`, `fifo:PATH` or `file:PATH`. */
  readonly word: string;
  readonly socket?: URL;
}

function parseTarget(name: string, value: string): Target {
  if (value === "") return { word: "null" };
  if (value.startsWith("/")) return { word: `fifo:${value}` };
  const url = URL.parse(value);
  if (url?.protocol === "file:" && url.pathname.startsWith("/")) {
    return { word: `file:${decodeURIComponent(url.pathname)}` };
  }
  if (url?.protocol === "supervisor:" && url.pathname.startsWith("/")) return { word: "socket", socket: url };
  throw new SkiffError("invalid_argument", `open ${name} "${value}": neither path, file: nor supervisor:`);
}

/** A whole number ≥ `least`, in decimal digits; anything else is `invalid_argument`. */
function parseCount(name: string, text: string | null, otherwise: number, least: number): string {
  if (text === null) return String(otherwise);
  if (!/^\d{1,18}$/.test(text) || Number(text) < least) {
    throw new SkiffError(
      "invalid_argument",
      `parse ${name} "${text}": not a whole number of at least ${least}`,
    );
  }
  return text;
}

function logWords(url: URL): string[] {
  const kind = url.searchParams.get("log") ?? "none";
  if (kind === "none") return [];
  if (kind !== "json-file") throw new SkiffError("invalid_argument", `open log: unknown format "${kind}"`);
  const path = url.searchParams.get("path") ?? "";
  if (!path.startsWith("/")) throw new SkiffError("invalid_argument", `open log "${path}": not absolute`);
  const size = parseCount("max-size", url.searchParams.get("max-size"), 0, 0);
  const files = parseCount("max-file", url.searchParams.get("max-file"), 1, 1);
  return ["--log", path, "--max-size", size, "--max-file", files];
}

export function stdioWords(stdio: Stdio): string[] {
  const targets = {
    stdin: parseTarget("stdin", stdio.stdin),
    stdout: parseTarget("stdout", stdio.stdout),
    stderr: parseTarget("stderr", stdio.stderr),
  };
  const words = Object.entries(targets).flatMap(([name, target]) => [`--${name}`, target.word]);
  if (stdio.terminal) words.push("--terminal");
  const socket = targets.stdout.socket ?? targets.stderr.socket ?? targets.stdin.socket;
  if (socket === undefined) return words;
  if (socket.searchParams.get("hold") === "1") words.push("--hold");
  return [...words, "--socket", decodeURIComponent(socket.pathname), ...logWords(socket)];
}
