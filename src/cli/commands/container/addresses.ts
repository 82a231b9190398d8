/** Names and addresses in flags, checked as docker's client does before anybody is asked. */
import { invalid } from "./values.ts";

/** Looks like one: the daemon knows better, and `node:net` would cost every run two milliseconds. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6 = /^[0-9a-f:.]*:[0-9a-f:.%]*$/i;
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.?\s*$/i;
const SYSCTLS =
  /^(?:kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$|net\.|fs\.mqueue\.)/;

export function isAddress(text: string): boolean {
  return IPV4.test(text) || IPV6.test(text);
}

/** `name:address` or `name=address`, as the API has it. */
export function extraHostOf(value: string): string {
  const [, name = "", given = ""] = /^([^=]*)=(.*)$/s.exec(value) ?? /^([^:]*):(.*)$/s.exec(value) ?? [];
  if (name === "" || name.includes(":") || !/[:=]/.test(value))
    throw invalid(`bad format for add-host: ${JSON.stringify(value)}`);
  const address = given.replace(/^\[(.+)\]$/s, "$1");
  if (address !== "host-gateway" && !isAddress(address))
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  return `${name}:${address}`;
}

export function checkAddress(value: string): void {
  if (!isAddress(value.trim())) throw invalid(`IP address is not correctly formatted: ${value}`);
}

export function searchDomainOf(value: string): string {
  const domain = value.trim();
  if (domain === ".") return domain;
  if (!/[a-z]/i.test(domain) || !DOMAIN.test(domain)) throw invalid(`${value} is not a valid domain`);
  return domain.replace(/\.$/, "");
}

/** `container[:alias]` */
export function checkLink(value: string): void {
  if (value === "") throw invalid("empty string specified for links");
  if (value.split(":").length > 2) throw invalid(`bad format for links: ${value}`);
}

export function checkSysctl(value: string): void {
  if (!value.includes("=") || !SYSCTLS.test(value.split("=", 1)[0]!))
    throw invalid(`sysctl '${value}' is not allowed`);
}

export function checkMac(value: string): void {
  if (!/^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(value))
    throw invalid(`${value} is not a valid mac address`);
}

const STREAMS = ["stdin", "stdout", "stderr"];

export function checkStream(value: string): void {
  if (!STREAMS.includes(value.toLowerCase())) throw invalid("valid streams are STDIN, STDOUT and STDERR");
}
