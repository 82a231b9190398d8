/** What every `inspect` prints: a list in JSON, or a template's text for each object; what was not found is said at the end. */
import { writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { messageOf } from "../../lib/errors.ts";
import { CliError } from "../errors.ts";
import { indentJson } from "../format/json.ts";
import { compileTemplate, type Template } from "../format/template/execute.ts";
import { missingField } from "./missing.ts";

function compile(format: string, type: string | undefined): Template {
  try {
    return compileTemplate(format, { missing: missingField, ...(type === undefined ? {} : { type }) });
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`, 64);
  }
}

function run(template: Template, text: string): string {
  try {
    return template(JSON.parse(text));
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`);
  }
}

/** `find` answers an object's JSON; `type` is Go's name of it, for messages. Answers the exit code. */
export async function inspectNames(
  names: readonly string[],
  format: string,
  find: (name: string) => Promise<string>,
  type?: string,
): Promise<number> {
  const template = format === "" || format === "json" ? undefined : compile(format, type);
  const found: string[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      const text = await find(name);
      found.push(template === undefined ? text : `${run(template, text)}\n`);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (template !== undefined) writeStdout(found.join("") || "\n");
  else if (found.length === 0) writeStdout("[]\n");
  else writeStdout(`${format === "json" ? `[${found.join(",")}]` : indentJson(`[${found.join(",")}]`)}\n`);
  if (failures.length > 0) writeStderr(`${failures.join("\n")}\n`);
  return failures.length === 0 ? 0 : 1;
}
