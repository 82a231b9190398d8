/** `skiff inspect` */
import { writeStderr } from "../../kernel/stdout.ts";
import { bool, type Command, type Context, text } from "../command.ts";
import { CliError, DaemonError } from "../errors.ts";
import { INSPECT_FORMAT } from "../format/flags.ts";
import { findObject, type ObjectType, TYPES } from "../inspect/finders.ts";
import { inspectNames } from "../inspect/inspect.ts";

/** Those that a daemon without a swarm may have. */
const LOCAL: readonly ObjectType[] = ["container", "image", "network", "volume", "plugin"];

/** This type has no such object; the next may. */
function isOther(error: unknown): boolean {
  return (
    error instanceof DaemonError &&
    (error.status === 404 || error.status === 501 || /not supported|invalid reference/.test(error.message))
  );
}

async function findAny(context: Context, types: readonly ObjectType[], name: string): Promise<string> {
  const sized = context.bool("size");
  for (const type of types) {
    try {
      const query = type === "container" && sized ? { size: true } : {};
      const found = await findObject(context.client, type, name, query);
      if (sized && type !== "container") writeStderr(`WARNING: --size ignored for ${type}\n`);
      return found;
    } catch (error) {
      if (types.length === 1 || !isOther(error)) throw error;
    }
  }
  throw new CliError(`Error: No such object: ${name}`);
}

function typesOf(context: Context): readonly ObjectType[] {
  if (!context.given("type")) return LOCAL;
  const given = context.text("type");
  const type = TYPES.find((known) => known === given);
  if (type !== undefined) return [type];
  const all = TYPES.toSorted().join('", "');
  throw new CliError(
    `${given === "" ? "type is empty" : `unknown type: ${JSON.stringify(given)}`}: must be one of "${all}"`,
  );
}

export const command: Command = {
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Return low-level information on Docker objects",
  flags: [
    INSPECT_FORMAT,
    bool("size", "Display total file sizes if the type is container", "s"),
    text("type", "Only inspect objects of the given type"),
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context) {
    const types = typesOf(context);
    return inspectNames(context.words, context.text("format"), (name) => findAny(context, types, name));
  },
};
