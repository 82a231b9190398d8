/** Switches of the kernel below /proc/sys. */
import { readFileSync, writeFileSync } from "node:fs";
import { wrap } from "../../lib/errors.ts";

/** "" for what cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export function writeSwitch(path: string, value: string): void {
  if (readText(path).trim() === value) return;
  try {
    writeFileSync(path, value);
  } catch (error) {
    throw wrap(error, `set ${path} to ${value}`);
  }
}

/** A kernel without IPv6 has no such switch. */
export function disableIpv6(link: string): void {
  const path = `/proc/sys/net/ipv6/conf/${link}/disable_ipv6`;
  if (readText(path) !== "") writeSwitch(path, "1");
}
