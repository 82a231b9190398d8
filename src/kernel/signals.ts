/** Signals by name and number: signal(7), numbers of x86-64 and arm64; the real-time ones as moby/sys names them (`RTMIN+1` … `RTMAX-1`). */
const NAMES = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
} as const satisfies Record<string, number>;

const ALIASES: Readonly<Record<string, number>> = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 };
export const SIGRTMIN = 34;
export const SIGRTMAX = 64;

export const SIGNALS: Readonly<Record<string, number>> = Object.freeze({
  ...NAMES,
  ...ALIASES,
  RTMIN: SIGRTMIN,
  ...Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`RTMIN+${i + 1}`, SIGRTMIN + i + 1])),
  ...Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`RTMAX-${i + 1}`, SIGRTMAX - i - 1])),
  RTMAX: SIGRTMAX,
});

/** `SIGTERM`, `term`, `15`, `RTMIN+3`; undefined when it is none. 0 is none. */
export function parseSignal(word: string): number | undefined {
  if (/^\d{1,2}$/.test(word)) {
    const number = Number(word);
    return number >= 1 && number <= SIGRTMAX ? number : undefined;
  }
  const name = word.toUpperCase().replace(/^SIG/, "");
  return Object.hasOwn(SIGNALS, name) ? SIGNALS[name] : undefined;
}

/** `SIGTERM` for 15, `SIGRTMIN+3` for 37, the number itself where it has no name. */
export function signalName(number: number): string {
  const found = Object.entries(SIGNALS).find(([, value]) => value === number);
  return found === undefined ? String(number) : `SIG${found[0]}`;
}
