/** Architectures and their system call tables. */
import { SYSCALL_ROWS } from "./numbers.ts";

export interface Architecture {
  /** AUDIT_ARCH_* (linux/audit.h). */
  readonly audit: number;
  readonly column: number;
  /** x32 shares x86_64's audit number; its calls have bit 30. */
  readonly offset: number;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  SCMP_ARCH_X86_64: { audit: 0xc000_003e, column: 1, offset: 0 },
  SCMP_ARCH_X86: { audit: 0x4000_0003, column: 2, offset: 0 },
  SCMP_ARCH_AARCH64: { audit: 0xc000_00b7, column: 3, offset: 0 },
  SCMP_ARCH_ARM: { audit: 0x4000_0028, column: 4, offset: 0 },
  SCMP_ARCH_X32: { audit: 0xc000_003e, column: 5, offset: 0x4000_0000 },
};

export const ARCHITECTURE_NAMES = Object.keys(ARCHITECTURES);

export const NATIVE = process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";

/** Undefined for architectures this machine's kernel cannot run, or that we do not know: their calls are killed anyway. */
export function architectureOf(name: string): Architecture | undefined {
  return Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
}

const tables = new Map<number, ReadonlyMap<string, number>>();

/** name → number (without offset) of one column; made on first use. */
export function syscallsOf({ column }: Architecture): ReadonlyMap<string, number> {
  const known = tables.get(column);
  if (known !== undefined) return known;
  const table = new Map<string, number>();
  for (const row of SYSCALL_ROWS.trim().split(/\s/)) {
    const fields = row.split(",");
    const text = column === 5 && fields[5] === "=" ? fields[1] : fields[column];
    if (text) table.set(fields[0]!, Number(text));
  }
  tables.set(column, table);
  return table;
}
