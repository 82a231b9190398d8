/** A duration as Go prints it: `300ms`, `1.5s`, `1m0s`, `2h45m0.5s`. */
export function goDuration(milliseconds: number): string {
  const number = (value: number, digits: number) => String(Number(value.toFixed(digits)));
  if (milliseconds === 0) return "0s";
  if (milliseconds < 0) return `-${goDuration(-milliseconds)}`;
  if (milliseconds < 0.001) return `${number(milliseconds * 1e6, 0)}ns`;
  if (milliseconds < 1) return `${number(milliseconds * 1e3, 3)}µs`;
  if (milliseconds < 1000) return `${number(milliseconds, 6)}ms`;
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = `${number((milliseconds - minutes * 60_000) / 1000, 9)}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return `${hours === 0 ? "" : `${hours}h`}${minutes % 60}m${seconds}`;
}
