/**
 * The house's own lint: layering, cycles, size, and the constructs that Bun makes expensive.
 *
 * `docs/architecture.md` states the rules; this enforces them over `src/`. A violation is one line `file: reason`; exit code 1.
 */
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const SHARED = ["contracts", "wire", "kernel", "lib"];
/** What a folder of `src/` may import besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  contracts: ["lib"],
  kernel: ["lib"],
  wire: ["lib"],
  cli: SHARED,
  daemon: SHARED,
  containerd: SHARED,
  shim: SHARED,
  runc: SHARED,
};
const LINES_MAX = 500;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const transpiler = new Bun.Transpiler({ loader: "ts" });
/** `import type` is erased before the transpiler sees it, but a layer must not know another's types either. */
const IMPORT_FROM = /^\s*(?:import|export)\s[^;]*?from\s+"(\.[^"]+)"/gm;

function load(path: string): Source {
  const text = readFileSync(path, "utf8");
  const found = new Set(transpiler.scanImports(text).map((found) => found.path));
  for (const match of text.matchAll(IMPORT_FROM)) found.add(match[1]!);
  const imports = [...found]
    .filter((name) => name.startsWith("."))
    .map((name) => normalize(join(dirname(path), name)));
  return { path, text, imports };
}

function layerOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function layering(source: Source): string[] {
  if (source.path === "src/main.ts") return [];
  const layer = layerOf(source.path);
  const allowed = MAY_IMPORT[layer];
  if (allowed === undefined) return [`${source.path}: src/${layer} is no folder of the house`];
  return source.imports
    .filter(
      (target) =>
        target.startsWith("src/") && layerOf(target) !== layer && !allowed.includes(layerOf(target)),
    )
    .map((target) => `${source.path}: ${layer} imports ${target}`);
}

const TOP_LEVEL_AWAIT = /^(?:const|let|var)?[^/\n(){}]*\bawait\s/m;

function constructs(source: Source): string[] {
  const found: string[] = [];
  if (source.path.endsWith(".test.ts") || source.path.includes("/gen/")) return found;
  const lines = source.text.split("\n").length - 1;
  if (lines > LINES_MAX) found.push(`${source.path}: ${lines} lines, at most ${LINES_MAX}`);
  const code = source.text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");
  if (/process\.(stdout|stderr)\b/.test(code) && source.path !== "src/kernel/stdout.ts") {
    found.push(`${source.path}: process.stdout costs 8 ms; write through src/kernel/stdout.ts`);
  }
  if (
    code.split("\n").some((line) => /^\S/.test(line) && TOP_LEVEL_AWAIT.test(line) && !/async/.test(line))
  ) {
    found.push(`${source.path}: top-level await keeps Bun spinning (BUN.md, finding 6)`);
  }
  return found;
}

/** Import cycles, each reported once, at the edge that closes it. Depth-first with an explicit path. */
function cycles(sources: ReadonlyMap<string, Source>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const open: string[] = [];
  const visit = (path: string): void => {
    const at = open.indexOf(path);
    if (at >= 0) {
      found.push(`${open.at(-1)}: circular import ${[...open.slice(at), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    open.push(path);
    for (const target of sources.get(path)?.imports ?? []) visit(target);
    open.pop();
    done.add(path);
  };
  for (const path of sources.keys()) visit(path);
  return found;
}

function main(): number {
  const paths = [...new Bun.Glob("src/**/*.ts").scanSync(".")].sort();
  const sources = new Map(paths.map((path) => [path, load(path)]));
  const found = [...sources.values()].flatMap((source) => [...layering(source), ...constructs(source)]);
  found.push(...cycles(sources));
  for (const line of found) console.error(line);
  return found.length === 0 ? 0 : 1;
}

process.exit(main());
