/** The healthcheck a client asks for, and what it takes from the image's. */
import type { Healthcheck } from "../../../contracts/engine/container.ts";
import { SkiffError } from "../../../lib/errors.ts";

const TIMES = ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const;
const TIME_NS_MIN = 1_000_000;

/** Without what is zero or empty, as inspect shows it. */
export function compactHealthcheck(check: Healthcheck): Healthcheck {
  const isSet = ([, value]: [string, unknown]) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== 0;
  return Object.fromEntries(Object.entries(check).filter(isSet));
}

/** Field by field: what the user leaves out is the image's. */
export function mergeHealthcheck(
  user: Healthcheck | undefined,
  image: Healthcheck | null | undefined,
): Healthcheck | undefined {
  return user === undefined ? (image ?? undefined) : { ...image, ...user };
}

/** @throws invalid_argument in dockerd's words. */
export function checkHealthcheck(check: Healthcheck | undefined): void {
  for (const field of TIMES) {
    const time = check?.[field] ?? 0;
    if (time !== 0 && time < TIME_NS_MIN)
      throw new SkiffError("invalid_argument", `${field} in Healthcheck cannot be less than 1ms`);
  }
  if ((check?.Retries ?? 0) < 0)
    throw new SkiffError("invalid_argument", "Retries in Healthcheck cannot be negative");
}
