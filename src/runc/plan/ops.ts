/**
 * The operations of a kernel plan. Same list, same order as native/ops.h (a test compares them), where each is explained.
 * Signatures: s string, u number, l list of strings, b blob.
 */
export const OPERATIONS = {
  say: "s",
  meet: "",
  ready: "",
  clone: "uu",
  open: "uusu",
  fstype: "uu",
  setns: "uu",
  unshare: "u",
  mkdir_host: "su",
  mkfifo: "su",
  dumpable: "u",
  write: "ussu",
  enter: "u",
  map: "ss",
  record: "s",
  devices: "ub",
  hook: "llssu",
  rlimit: "uuu",
  mount: "sssusu",
  tree: "uusu",
  attr: "uuuuu",
  idmap: "uuu",
  place: "us",
  mkdir: "su",
  symlink: "ss",
  mknod: "suuuu",
  copyup: "us",
  mask: "us",
  readonly: "s",
  pivot: "u",
  loopback: "",
  hostname: "s",
  domainname: "s",
  keyring: "s",
  setsid: "",
  terminal: "uuuu",
  stdio: "u",
  umask: "u",
  personality: "u",
  scheduler: "uuuuuuu",
  ioprio: "u",
  affinity: "b",
  mempolicy: "ub",
  nnp: "",
  bounding: "u",
  user: "uub",
  caps: "uuuu",
  seccomp: "ub",
  chdir: "su",
  closefds: "u",
  home: "u",
  lookup: "ss",
  gate: "",
  exec: "ll",
} as const;

export type OperationName = keyof typeof OPERATIONS;

type ArgumentOf<K> = K extends "s"
  ? string
  : K extends "u"
    ? number | bigint
    : K extends "l"
      ? readonly string[]
      : Uint8Array;
type ArgumentsOf<S extends string> = S extends `${infer K}${infer Rest}`
  ? [ArgumentOf<K>, ...ArgumentsOf<Rest>]
  : [];
export type Arguments<N extends OperationName> = ArgumentsOf<(typeof OPERATIONS)[N]>;
export type Argument = string | number | bigint | readonly string[] | Uint8Array;

/** Who executes a line (native/README.md); `both` only for `meet`. */
export const ACTORS = ["host", "stage", "init", "both"] as const;
export type Actor = (typeof ACTORS)[number];

export interface Operation {
  readonly actor: Actor;
  readonly name: OperationName;
  /** What the error message begins with. */
  readonly text: string;
  readonly args: readonly Argument[];
}

export interface Plan {
  readonly trace: boolean;
  readonly operations: readonly Operation[];
}

/** Fd registers of the executor; from `free` on the compiler hands them out. */
export const SLOT = { root: 0, proc: 1, gate: 2, none: 65535, free: 3, count: 1024 } as const;

/** Collects operations in the order in which they are to be executed. */
export interface PlanBuilder {
  readonly operations: readonly Operation[];
  host<N extends OperationName>(name: N, text: string, ...args: Arguments<N>): void;
  stage<N extends OperationName>(name: N, text: string, ...args: Arguments<N>): void;
  init<N extends OperationName>(name: N, text: string, ...args: Arguments<N>): void;
  meet(): void;
  /** Here `early` operations of host go: before the clone, so that init inherits the fds. */
  markEarly(): void;
  early<N extends OperationName>(name: N, text: string, ...args: Arguments<N>): void;
  /** A slot nobody else has. */
  slot(): number;
}

export function createPlanBuilder(): PlanBuilder {
  const operations: Operation[] = [];
  let next: number = SLOT.free;
  let mark = 0;
  const adder =
    (actor: Actor) =>
    <N extends OperationName>(name: N, text: string, ...args: Arguments<N>): void => {
      operations.push({ actor, name, text, args });
    };
  return {
    operations,
    host: adder("host"),
    stage: adder("stage"),
    init: adder("init"),
    meet: () => adder("both")("meet", ""),
    markEarly() {
      mark = operations.length;
    },
    early(name, text, ...args) {
      operations.splice(mark++, 0, { actor: "host", name, text, args });
    },
    /* The last one is used again and again: a mount is done with its slot before the next. */
    slot: () => (next < SLOT.count - 1 ? next++ : next),
  };
}
