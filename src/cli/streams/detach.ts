/**
 * The key sequence that leaves a container running behind: `ctrl-p,ctrl-q` unless the user says otherwise. Looked for where the keys are
 * typed, so that it works whatever the daemon does.
 */

const DEFAULT = new Uint8Array([16, 17]);
const NAMED: Readonly<Record<string, number>> = { DEL: 127, "ctrl-@": 0 };

function keyOf(name: string): number | undefined {
  if (name.length === 1) return name.charCodeAt(0);
  const [, letter] = /^ctrl-([a-z[\\\]^_])$/i.exec(name) ?? [];
  // What the terminal sends: the letter without its high bits.
  return letter === undefined ? NAMED[name] : letter.toUpperCase().charCodeAt(0) & 0x1f;
}

/** What nobody can type is the default, as the daemon refuses it anyway. */
export function detachKeys(words: string): Uint8Array {
  if (words === "") return DEFAULT;
  const keys = words.split(",").map(keyOf);
  return keys.includes(undefined) ? DEFAULT : Uint8Array.from(keys as number[]);
}

export interface Typed {
  /** To be passed on. */
  readonly bytes: Uint8Array;
  readonly detached: boolean;
}

/** Holds back what may become the sequence; gives it out when it does not. */
export function watchKeys(keys: Uint8Array): (typed: Uint8Array) => Typed {
  let held = 0;
  return (typed) => {
    const passed: number[] = [];
    for (const byte of typed) {
      if (byte === keys[held]) {
        held++;
        if (held === keys.length) return { bytes: Uint8Array.from(passed), detached: true };
        continue;
      }
      passed.push(...keys.subarray(0, held));
      held = byte === keys[0] ? 1 : 0;
      if (held === 0) passed.push(byte);
    }
    return { bytes: Uint8Array.from(passed), detached: false };
  };
}
