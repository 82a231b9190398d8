/** Versions of the Docker Engine API that Skiff speaks. */
export const API_VERSION = "1.50";
export const MIN_API_VERSION = "1.24";

/** Of the engine itself: what `docker version` shows as the server's. Docker's own number first, since clients compare it. */
export const ENGINE_VERSION = "28.2.2-skiff.0.1.0";

export type ApiVersion = readonly [major: number, minor: number];

/** undefined for what is no version. */
export function parseApiVersion(text: string): ApiVersion | undefined {
  const match = /^v?([0-9]{1,3})\.([0-9]{1,4})$/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/** Negative when `a` is the older one. */
export function compareApiVersions(a: ApiVersion, b: ApiVersion): number {
  return a[0] - b[0] || a[1] - b[1];
}
