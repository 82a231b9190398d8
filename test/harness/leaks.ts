/** What a test run may not leave on the machine: mounts, interfaces, cgroups, firewall tables, processes and files of ours. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export type Sight = ReadonlySet<string>;

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function mounts(): string[] {
  return lines(readFileSync("/proc/self/mountinfo", "utf8")).map((line) => `mount ${line.split(" ")[4]}`);
}

function links(): string[] {
  return readdirSync("/sys/class/net").map((name) => `interface ${name}`);
}

/** cgroups whose path names an engine; three levels cover `/docker/<id>` below each controller. */
function cgroups(): string[] {
  const found: string[] = [];
  const walk = (dir: string, depth: number): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      found.push(`cgroup ${join(dir, entry.name)}`);
      if (depth > 0) walk(join(dir, entry.name), depth - 1);
    }
  };
  walk("/sys/fs/cgroup", 3);
  return found;
}

function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        const zombie = /^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
        return /skiff|docker|containerd|podman|conmon/.test(command) && !zombie
          ? [`process ${pid} ${command}`]
          : [];
      } catch {
        return [];
      }
    });
}

function files(): string[] {
  return ["/tmp", "/run", "/var/lib"].flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => name.startsWith("skiff"))
      .map((name) => `file ${dir}/${name}`),
  );
}

function tables(): string[] {
  const nft = Bun.which("nft");
  return nft === null ? [] : lines(Bun.spawnSync([nft, "list", "tables"]).stdout.toString());
}

/** Everything on the machine that a leak could be. */
export function look(): Sight {
  return new Set([mounts, links, cgroups, processes, files, tables].flatMap((list) => list()));
}

/** The kernel takes network namespaces down in its own time, after their last user is gone. */
const PATIENCE_MS = 10_000;

/** Children of this program and programs that others started meanwhile are not ours to judge. */
function isOurs(what: string): boolean {
  if (what.startsWith("process")) return /skiff/.test(what) && !/test\/harness\/run\.ts/.test(what);
  if (what.startsWith("file")) return statSync(what.slice(5), { throwIfNoEntry: false }) !== undefined;
  if (what.startsWith("mount") || what.startsWith("cgroup")) return /skiff|docker|podman|libpod/.test(what);
  return true;
}

/** What is there now and was not in `before`. */
export async function leftOvers(before: Sight): Promise<string[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const left = [...look()].filter((what) => !before.has(what) && isOurs(what));
    if (left.length === 0 || Date.now() > deadline) return left;
    await Bun.sleep(200);
  }
}
