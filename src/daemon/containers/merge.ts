/** What a container inherits from its image. */
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerConfig } from "./config.ts";
import { mergeHealthcheck } from "./health/request.ts";
import type { ImageDefaults } from "./ports.ts";
import { mergeEnvironment } from "./spec/environment.ts";

const isEmpty = (list: readonly unknown[] | null | undefined) =>
  list === null || list === undefined || list.length === 0;

/** With an entry point of the user's own, the image's command is not used: it was meant for the image's entry point. */
function command(user: ContainerConfig, image: ImageDefaults): Pick<ContainerConfig, "Entrypoint" | "Cmd"> {
  if (!isEmpty(user.Entrypoint)) {
    const reset = user.Entrypoint!.length === 1 && user.Entrypoint![0] === "";
    return { Entrypoint: reset ? null : user.Entrypoint, Cmd: user.Cmd };
  }
  return {
    Entrypoint: user.Entrypoint ?? image.Entrypoint ?? null,
    Cmd: isEmpty(user.Cmd) ? (image.Cmd ?? null) : user.Cmd,
  };
}

/** Labels that make another program act on the container are not the image's to set (CVE-2026-53488). */
const RESERVED_LABEL = /^(containerd\.io\/restart|io\.containerd\.)/;

function inheritedLabels(image: ImageDefaults): Record<string, string> {
  return Object.fromEntries(Object.entries(image.Labels ?? {}).filter(([key]) => !RESERVED_LABEL.test(key)));
}

/** @throws invalid_argument when nothing says what to run. */
export function mergeConfig(user: ContainerConfig, image: ImageDefaults): ContainerConfig {
  const ports = { ...image.ExposedPorts, ...user.ExposedPorts };
  const volumes = { ...image.Volumes, ...user.Volumes };
  const merged: ContainerConfig = {
    ...user,
    ...command(user, image),
    User: user.User === "" ? (image.User ?? "") : user.User,
    Env: mergeEnvironment(user.Env ?? [], image.Env ?? []),
    WorkingDir: user.WorkingDir === "" ? (image.WorkingDir ?? "") : user.WorkingDir,
    Labels: { ...inheritedLabels(image), ...user.Labels },
    Volumes: Object.keys(volumes).length === 0 ? null : volumes,
    OnBuild: user.OnBuild ?? null,
    ...(Object.keys(ports).length === 0 ? {} : { ExposedPorts: ports }),
  };
  const stopSignal = user.StopSignal ?? image.StopSignal ?? "";
  const shell = user.Shell ?? image.Shell ?? undefined;
  const healthcheck = mergeHealthcheck(user.Healthcheck, image.Healthcheck);
  if (isEmpty(merged.Entrypoint) && isEmpty(merged.Cmd))
    throw new SkiffError("invalid_argument", "no command specified");
  return {
    ...merged,
    ...(stopSignal === "" ? {} : { StopSignal: stopSignal }),
    ...(shell === undefined ? {} : { Shell: shell }),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
  };
}
