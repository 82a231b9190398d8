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

/** A kernel without IPv6 has no such switch. No bridge of ours believes what containers say about routes. */
export function switchIpv6(link: string, on: boolean): void {
  const path = (name: string) => `/proc/sys/net/ipv6/conf/${link}/${name}`;
  if (readText(path("disable_ipv6")) === "") return;
  if (on) writeSwitch(path("accept_ra"), "0");
  writeSwitch(path("disable_ipv6"), on ? "0" : "1");
}
