/**
 * Fields that an object's JSON leaves out. Docker runs templates over typed values, where a field left out has its zero value and a key that a
 * map lacks is `<no value>`; what neither knows is an error.
 */

/** Left out of the JSON when empty. */
const ZEROS: Readonly<Record<string, unknown>> = {
  ...{ Health: null, Healthcheck: null, Init: null, Annotations: {}, Sysctls: {}, Tmpfs: {}, StorageOpt: {} },
  ...{
    ExposedPorts: {},
    StopSignal: "",
    StopTimeout: null,
    Shell: [],
    Mounts: [],
    SizeRw: null,
    SizeRootFs: null,
  },
  ...{ Variant: "", OsVersion: "", Status: {}, UsageData: null, NetworkDisabled: false, MacAddress: "" },
};

/** Maps of names that users choose. */
const MAPS = new Set([
  ...[
    "Labels",
    "Options",
    "Networks",
    "Ports",
    "Annotations",
    "Sysctls",
    "Volumes",
    "ExposedPorts",
    "DriverOpts",
    "Status",
  ],
  ...[
    "Data",
    "Containers",
    "Tmpfs",
    "StorageOpt",
    "PortBindings",
    "Config.LogConfig",
    "IndexConfigs",
    "Runtimes",
  ],
]);

/** `parent`: the name under which the object was found, "" for the whole. undefined: an error. */
export function missingField(parent: string, name: string): { readonly value: unknown } | undefined {
  if (MAPS.has(parent)) return { value: undefined };
  return Object.hasOwn(ZEROS, name) ? { value: ZEROS[name] } : undefined;
}
