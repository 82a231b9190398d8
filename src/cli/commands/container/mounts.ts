/** `--mount type=…,src=…,dst=…` and `-v`: docker's grammar to the API's Mounts and Binds. */
import { resolve } from "node:path";
import type { Mount } from "../../../contracts/engine/container.ts";
import { parseBytes } from "../../format/units.ts";
import { FALSE, TRUE } from "../../parse/check.ts";
import { fieldsOf, invalid } from "./values.ts";

type Draft = { -readonly [K in keyof Mount]: Mount[K] } & { ImageOptions?: { Subpath?: string } };

function flagOf(key: string, value: string | undefined): boolean {
  if (value === undefined || TRUE.includes(value)) return true;
  if (FALSE.includes(value)) return false;
  throw invalid(`invalid value for ${key}: ${value}`);
}

function setField(mount: Draft, key: string, value: string | undefined, field: string): void {
  const text = value ?? "";
  const volume = { ...mount.VolumeOptions };
  const driver = { ...volume.DriverConfig };
  const split = (): [string, string] => {
    const at = text.indexOf("=");
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  };
  if (key === "type") mount.Type = text.toLowerCase() as Mount["Type"];
  else if (key === "source" || key === "src")
    mount.Source = text.startsWith("./") || text === "." ? resolve(text) : text;
  else if (key === "target" || key === "dst" || key === "destination") mount.Target = text;
  else if (key === "readonly" || key === "ro") mount.ReadOnly = flagOf(key, value);
  else if (key === "consistency") mount.Consistency = text.toLowerCase();
  else if (key === "bind-propagation")
    mount.BindOptions = { ...mount.BindOptions, Propagation: text.toLowerCase() };
  else if (key === "bind-nonrecursive")
    mount.BindOptions = { ...mount.BindOptions, NonRecursive: flagOf(key, value) };
  else if (key === "bind-recursive") {
    const more = {
      enabled: {},
      disabled: { NonRecursive: true },
      writable: { ReadOnlyNonRecursive: true },
      readonly: { ReadOnlyForceRecursive: true },
    };
    if (!Object.hasOwn(more, text))
      throw invalid(
        `invalid value for ${key}: ${text} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
    mount.BindOptions = { ...mount.BindOptions, ...more[text as keyof typeof more] };
  } else if (key === "volume-nocopy") mount.VolumeOptions = { ...volume, NoCopy: flagOf(key, value) };
  else if (key === "volume-subpath") mount.VolumeOptions = { ...volume, Subpath: text };
  else if (key === "volume-label") {
    const [name, label] = split();
    mount.VolumeOptions = { ...volume, Labels: { ...volume.Labels, [name]: label } };
  } else if (key === "volume-driver")
    mount.VolumeOptions = { ...volume, DriverConfig: { ...driver, Name: text } };
  else if (key === "volume-opt") {
    const [name, option] = split();
    mount.VolumeOptions = {
      ...volume,
      DriverConfig: { ...driver, Options: { ...driver.Options, [name]: option } },
    };
  } else if (key === "image-subpath") mount.ImageOptions = { Subpath: text };
  else if (key === "tmpfs-size") {
    const size = parseBytes(text);
    if (size === undefined) throw invalid(`invalid value for ${key}: ${text}`);
    mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: size };
  } else if (key === "tmpfs-mode") {
    if (!/^[0-7]{1,5}$/.test(text)) throw invalid(`invalid value for ${key}: ${text}`);
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(text, 8) };
  } else throw invalid(`unexpected key '${key}' in '${field}'`);
}

function checkMount(mount: Draft): void {
  const { Type, Target, ReadOnly, BindOptions } = mount;
  if (Type === ("" as string)) throw invalid("type is required");
  if (Target === "") throw invalid("target is required");
  const own = {
    volume: mount.VolumeOptions,
    image: mount.ImageOptions,
    bind: BindOptions,
    tmpfs: mount.TmpfsOptions,
  };
  for (const [kind, options] of Object.entries(own))
    if (options !== undefined && Type !== kind)
      throw invalid(`cannot mix '${kind}-*' options with mount type '${Type}'`);
  const needs = (option: string, other: string) =>
    invalid(`option 'bind-recursive=${option}' requires '${other}' to be specified in conjunction`);
  if (BindOptions?.ReadOnlyNonRecursive && !ReadOnly) throw needs("writable", "readonly");
  if (!BindOptions?.ReadOnlyForceRecursive) return;
  if (!ReadOnly) throw needs("readonly", "readonly");
  if (BindOptions.Propagation !== "rprivate") throw needs("readonly", "bind-propagation=rprivate");
}

export function mountOf(value: string): Mount {
  const mount: Draft = { Type: "volume", Target: "" };
  for (const field of fieldsOf(value)) {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const given = equals < 0 ? undefined : field.slice(equals + 1);
    if (given === undefined && !["readonly", "ro", "volume-nocopy", "bind-nonrecursive"].includes(key))
      throw invalid(`invalid field '${field}' must be a key=value pair`);
    setField(mount, key, given, field);
  }
  checkMount(mount);
  return mount;
}

export interface Volumes {
  /** For HostConfig.Binds. */
  readonly binds: readonly string[];
  /** Anonymous ones, for Config.Volumes. */
  readonly anonymous: Record<string, object>;
}

/** `-v`: one path is an anonymous volume, `host:container[:mode]` a bind; the host's path may be relative. */
export function volumesOf(values: readonly string[]): Volumes {
  const binds: string[] = [];
  const anonymous: Record<string, object> = {};
  for (const value of values) {
    if (value === "") throw invalid("invalid empty volume spec");
    const colon = value.indexOf(":");
    // One or two letters are a path, as for a drive of Windows.
    if (colon < 0 || value.length <= 2) {
      anonymous[value] = {};
      continue;
    }
    const source = value.slice(0, colon);
    binds.push(source.startsWith(".") ? resolve(source) + value.slice(colon) : value);
  }
  return { binds, anonymous };
}
