/** The request that `run` and `create` send, made of their flags alone: the same as docker's client makes. */
import type { ContainerCreateRequest } from "../../../contracts/engine/container.ts";
import { messageOf } from "../../../lib/errors.ts";
import type { Parsed } from "../../command.ts";
import { HelpError } from "../../errors.ts";
import { checkMac } from "./addresses.ts";
import { networksOf } from "./endpoints.ts";
import { environmentOf, labelsOf, withProxies } from "./environment.ts";
import { hostConfigOf, orNull } from "./host-config.ts";
import { volumesOf } from "./mounts.ts";
import { portsOf } from "./ports.ts";
import { durationOf, invalid } from "./values.ts";

export interface CreateCall {
  readonly name: string;
  readonly platform: string;
  readonly image: string;
  readonly body: ContainerCreateRequest;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
}

function healthOf(flags: Parsed): Partial<ContainerCreateRequest> {
  const names = [
    "health-cmd",
    "health-interval",
    "health-timeout",
    "health-start-period",
    "health-start-interval",
    "health-retries",
  ];
  const given = names.filter((name) => flags.given(name));
  if (flags.bool("no-healthcheck")) {
    if (given.length > 0) throw invalid("--no-healthcheck conflicts with --health-* options");
    return { Healthcheck: { Test: ["NONE"] } };
  }
  if (given.length === 0) return {};
  const time = (name: string) => {
    const ns = durationOf(flags.text(name));
    if (ns < 0) throw invalid(`--${name} cannot be negative`);
    return ns;
  };
  if (flags.number("health-retries") < 0) throw invalid("--health-retries cannot be negative");
  const command = flags.text("health-cmd");
  const numbers = {
    ...{ Interval: time("health-interval"), Timeout: time("health-timeout") },
    ...{ StartPeriod: time("health-start-period"), StartInterval: time("health-start-interval") },
    Retries: flags.number("health-retries"),
  };
  return {
    Healthcheck: {
      ...(command === "" ? {} : { Test: ["CMD-SHELL", command] }),
      ...Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== 0)),
    },
  };
}

type Proxies = Readonly<Record<string, string>>;

/** Which streams are attached: what `-a` names, or all that make sense. */
function attachmentOf(flags: Parsed, detached: boolean): CreateCall["attach"] {
  const interactive = flags.bool("interactive");
  const named = flags.list("attach").map((name) => name.toLowerCase());
  if (named.length > 0)
    return {
      stdin: interactive || named.includes("stdin"),
      stdout: named.includes("stdout"),
      stderr: named.includes("stderr"),
    };
  return { stdin: interactive && !detached, stdout: !detached, stderr: !detached };
}

/** `detached`: `run -d`, whose streams nobody sees. */
function configOf(
  flags: Parsed,
  attach: CreateCall["attach"],
  more: Pick<ContainerCreateRequest, "ExposedPorts" | "Volumes"> & { readonly proxies: Proxies },
): Partial<ContainerCreateRequest> {
  const [image = "", ...command] = flags.words;
  const entrypoint = flags.text("entrypoint");
  const interactive = flags.bool("interactive");
  const env = environmentOf(flags.list("env-file"), withProxies(flags.list("env"), more.proxies));
  return {
    ...{ Hostname: flags.text("hostname"), Domainname: flags.text("domainname"), User: flags.text("user") },
    ...{ AttachStdin: attach.stdin, AttachStdout: attach.stdout, AttachStderr: attach.stderr },
    ...(Object.keys(more.ExposedPorts ?? {}).length === 0 ? {} : { ExposedPorts: more.ExposedPorts! }),
    ...{ Tty: flags.bool("tty"), OpenStdin: interactive, StdinOnce: interactive && attach.stdin },
    ...{ Env: orNull(env), Cmd: orNull(command) },
    ...healthOf(flags),
    ...{ Image: image, Volumes: more.Volumes ?? {}, WorkingDir: flags.text("workdir") },
    // `--entrypoint=` takes the image's away.
    Entrypoint: flags.given("entrypoint") ? [entrypoint] : null,
    OnBuild: null,
    Labels: labelsOf(flags.list("label-file"), flags.list("label")),
    ...(flags.text("stop-signal") === "" ? {} : { StopSignal: flags.text("stop-signal") }),
    ...(flags.given("stop-timeout") ? { StopTimeout: flags.number("stop-timeout") } : {}),
  };
}

function callOf(flags: Parsed, detached: boolean, proxies: Proxies): CreateCall {
  const mac = flags.text("mac-address").trim();
  if (mac !== "") checkMac(mac);
  const attach = attachmentOf(flags, detached);
  const { binds, anonymous } = volumesOf(flags.list("volume"));
  const { ExposedPorts, PortBindings } = portsOf(flags.list("publish"), flags.list("expose"));
  const config = configOf(flags, attach, { ExposedPorts, Volumes: anonymous, proxies });
  // The order in which docker finds faults.
  const draft = hostConfigOf(flags, { networkMode: "", binds, portBindings: PortBindings });
  const { mode, endpoints } = networksOf(flags);
  const body = {
    ...config,
    HostConfig: { ...draft, NetworkMode: mode },
    NetworkingConfig: { EndpointsConfig: endpoints },
  } as ContainerCreateRequest;
  const image = flags.words[0] ?? "";
  return { name: flags.text("name"), platform: flags.text("platform"), image, body, attach };
}

/** @throws HelpError in docker's words */
export function createCall(flags: Parsed, detached: boolean, proxies: Proxies = {}): CreateCall {
  try {
    const pull = flags.text("pull");
    if (!["always", "missing", "never"].includes(pull))
      throw invalid(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
    return callOf(flags, detached, proxies);
  } catch (error) {
    throw new HelpError(messageOf(error));
  }
}
