/** plan BUNDLE: what would be done to the kernel, one operation a line, in order; nothing is done. */

import { compile } from "../compile/compile.ts";
import { compileRequest } from "../container/create.ts";
import type { RuncContext } from "../context.ts";
import { parseFlags, VALUE } from "../options.ts";
import { printPlan } from "../plan/print.ts";

export async function plan(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, { bundle: { ...VALUE, short: "b" }, id: VALUE });
  const bundle = parsed.words[0] ?? parsed.value("bundle") ?? ".";
  const request = compileRequest(context.root, {
    ...{ id: parsed.value("id") ?? "container", bundle, noPivotRoot: false, traceparent: "" },
    systemdCgroup: context.systemdCgroup,
    warn: context.log.warn,
  });
  context.print(printPlan(compile(request)));
  return 0;
}
