/** The user's terminal while a container's terminal is attached to it. */
import { check, libc } from "./libc.ts";

/** Larger than struct termios of any C library. */
const TERMIOS_BYTES = 64;
const TCSANOW = 0;

/** termios(3) of `fd`, to be given back as it is. */
export function terminalSettings(fd: number): Uint8Array {
  const settings = new Uint8Array(TERMIOS_BYTES);
  check(
    () => `get settings of terminal fd ${fd}`,
    (c) => c.tcgetattr(fd, settings),
  );
  return settings;
}

export function setTerminal(fd: number, settings: Uint8Array): void {
  check(
    () => `change settings of terminal fd ${fd}`,
    (c) => c.tcsetattr(fd, TCSANOW, settings),
  );
}

/**
 * Every key goes through as bytes, ^C too; what is printed is not touched. Returns what puts the terminal back as it was; calling that
 * twice, or after the terminal is gone, does nothing.
 */
export function enterRawMode(fd: number): () => void {
  const before = terminalSettings(fd);
  const raw = before.slice();
  libc().cfmakeraw(raw);
  setTerminal(fd, raw);
  let active = true;
  return () => {
    if (!active) return;
    active = false;
    libc().tcsetattr(fd, TCSANOW, before);
  };
}
