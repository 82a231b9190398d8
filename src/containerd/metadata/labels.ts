/** Labels under a field mask: `labels` replaces all, `labels.x` sets one, or removes it where the value is "". */

type Labels = Readonly<Record<string, string>>;

/** As containerd stores them: a label without a value is none. */
export function withoutEmpty(labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ""));
}

export function mergeLabels(before: Labels, given: Labels, paths: readonly string[]): Labels {
  let labels: Record<string, string> = { ...before };
  for (const path of paths) {
    if (path === "labels") labels = { ...given };
    if (!path.startsWith("labels.")) continue;
    const key = path.slice("labels.".length);
    if ((given[key] ?? "") === "") delete labels[key];
    else labels[key] = given[key]!;
  }
  return labels;
}
