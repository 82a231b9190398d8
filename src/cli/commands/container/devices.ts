/** Devices of the host: nodes, CDI names, GPUs, and how fast block devices may go. */
import type { DeviceMapping, Throttle } from "../../../contracts/engine/container.ts";
import { numberProblem } from "../../parse/check.ts";
import { bytesOf, fieldsOf, invalid, pairsOf } from "./values.ts";

const WEIGHT_MIN = 10;
const WEIGHT_MAX = 1000;

const isMode = (text: string): boolean =>
  text !== "" && /^[rwm]*$/.test(text) && new Set(text).size === text.length;

/** `HOST[:CONTAINER][:MODE]` */
export function deviceOf(value: string): DeviceMapping {
  const [host = "", second = "", third = ""] = value.split(":");
  const modeSecond = third === "" && isMode(second);
  const inside = second === "" || modeSecond ? host : second;
  return {
    PathOnHost: host,
    PathInContainer: inside,
    CgroupPermissions: third !== "" ? third : modeSecond ? second : "rwm",
  };
}

/** The grammar that docker's client holds devices to. */
export function checkDevice(value: string): void {
  const parts = value.split(":");
  if (parts.length > 3) throw invalid(`bad format for path: ${value}`);
  const last = parts[2] ?? "";
  if (last !== "" && !isMode(last)) throw invalid(`bad mode specified: ${last}`);
  const path = isMode(parts[1] ?? "") && parts.length === 2 ? parts[0]! : (parts[1] ?? parts[0]!);
  if (!path.startsWith("/")) throw invalid(`${path} is not an absolute path`);
}

/** `vendor.com/class=name`: a CDI device is a request, not a node. */
export const isCdi = (device: string): boolean => /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*=/.test(device);

export interface DeviceRequest {
  readonly Driver: string;
  readonly Count: number;
  readonly DeviceIDs: readonly string[] | null;
  readonly Capabilities: readonly (readonly string[])[] | null;
  readonly Options: Readonly<Record<string, string>> | null;
}

function countOf(text: string): number {
  if (text === "all") return -1;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw invalid(`invalid count (${text}): value must be either "all" or an integer: invalid syntax`);
}

export function gpuOf(value: string): DeviceRequest {
  const seen = new Set<string>();
  const gpu = {
    Driver: "",
    Count: undefined as number | undefined,
    DeviceIDs: null as string[] | null,
    Capabilities: [["gpu"]],
    Options: {} as Record<string, string>,
  };
  for (const field of fieldsOf(value)) {
    const equals = field.indexOf("=");
    const [key, text] = equals < 0 ? ["count", field] : [field.slice(0, equals), field.slice(equals + 1)];
    const name = equals < 0 ? field : key;
    if (seen.has(name)) throw invalid(`gpu request key '${name}' can be specified only once`);
    seen.add(name).add(key);
    if (key === "count") gpu.Count = countOf(text);
    else if (key === "driver") gpu.Driver = text;
    else if (key === "device") gpu.DeviceIDs = text.split(",");
    else if (key === "capabilities") gpu.Capabilities = [[...text.split(","), "gpu"]];
    else if (key === "options") gpu.Options = pairsOf(fieldsOf(text));
    else throw invalid(`unexpected key '${key}' in '${field}'`);
  }
  return { ...gpu, Count: gpu.Count ?? (gpu.DeviceIDs === null ? 1 : 0) };
}

export function deviceRequestsOf(gpus: readonly string[], devices: readonly string[]): DeviceRequest[] {
  const cdi = devices.filter(isCdi);
  const named = { Driver: "cdi", Count: 0, DeviceIDs: cdi, Capabilities: null, Options: null };
  return [...gpus.map(gpuOf), ...(cdi.length > 0 ? [named] : [])];
}

function splitDevice(value: string): [path: string, text: string] {
  const colon = value.indexOf(":");
  if (colon <= 0) throw invalid(`bad format: ${value}`);
  const path = value.slice(0, colon);
  if (!path.startsWith("/dev/")) throw invalid(`bad format for device path: ${value}`);
  return [path, value.slice(colon + 1)];
}

const positive = (form: string, more = "") =>
  `The correct format is <device-path>:<number>${form}. Number must be a positive integer${more}`;

export function bytesRateOf(value: string): Throttle {
  const [Path, text] = splitDevice(value);
  try {
    return { Path, Rate: bytesOf(text) };
  } catch {
    const words = positive("[<unit>]", ". Unit is optional and can be kb, mb, or gb");
    throw invalid(`invalid rate for device: ${value}. ${words}`);
  }
}

export function countRateOf(value: string): Throttle {
  const [Path, text] = splitDevice(value);
  if (!/^\d+$/.test(text)) throw invalid(`invalid rate for device: ${value}. ${positive("")}`);
  return { Path, Rate: Number(text) };
}

export function weightOf(value: string): { Path: string; Weight: number } {
  const [Path, text] = splitDevice(value);
  const Weight = Number(text);
  if (!/^\d+$/.test(text) || (Weight > 0 && (Weight < WEIGHT_MIN || Weight > WEIGHT_MAX)))
    throw invalid(`invalid weight for device: ${value}`);
  return { Path, Weight };
}

export function checkCgroupRule(value: string): void {
  if (!/^[acb] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}$/.test(value))
    throw invalid(`invalid device cgroup format '${value}'`);
}

/** A port of `--expose`, in Go's words. */
export function checkPort(text: string): string {
  if (!/^\d+$/.test(text)) return numberProblem("ParseUint", text, "invalid syntax");
  return Number(text) > 65_535 ? numberProblem("ParseUint", text, "value out of range") : "";
}
