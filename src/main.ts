/**
 * The one executable. The name it was started with picks the role; `skiff skiffd …` does the same for whoever runs it from
 * source. This is the only file that knows all layers: it hands containerd its in-process Task service and the shim its
 * in-process OCI runtime. Each role is imported only when it is the one that runs.
 */
const ROLES: Readonly<Record<string, (argv: readonly string[]) => Promise<number>>> = Object.freeze({
  skiff: async (argv) => (await import("./cli/main.ts")).main(argv),
  skiffd: async (argv) => (await import("./daemon/main.ts")).main(argv),
  "skiff-containerd": async (argv) => {
    const { createTaskService } = await import("./shim/main.ts");
    const { createRuntime } = await import("./runc/runtime.ts");
    const { main } = await import("./containerd/main.ts");
    return main(argv, (parts) => createTaskService({ ...parts, createRuntime }));
  },
  "containerd-shim-skiff-v1": async (argv) => {
    const { createTaskService } = await import("./shim/main.ts");
    const { createRuntime } = await import("./runc/runtime.ts");
    const { main } = await import("./shim/door/main.ts");
    return main(argv, (parts) => createTaskService({ ...parts, createRuntime }));
  },
  "skiff-runc": async (argv) => (await import("./runc/main.ts")).main(argv),
});

function pickRole(): [string, readonly string[]] {
  const name = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
  const args = process.argv.slice(2);
  if (name !== "skiff" && name in ROLES) return [name, args];
  const first = args[0];
  return first !== undefined && first !== "skiff" && first in ROLES
    ? [first, args.slice(1)]
    : ["skiff", args];
}

const [role, argv] = pickRole();
ROLES[role]!(argv).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? `${role}: ${error.message}` : error);
    process.exit(1);
  },
);
