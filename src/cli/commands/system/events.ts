/** `skiff events` */
import type { Event } from "../../../contracts/engine/event.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import { type Command, list, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { compileTemplate, type Template } from "../../format/template/execute.ts";
import { rfc3339 } from "../../format/words.ts";
import { textLines } from "../../progress/lines.ts";
import { encodeFilters } from "../../transport/client.ts";
import { timestampOf } from "../timestamps.ts";

/** Nanoseconds are beyond a JavaScript number's precision: they are taken from the text. */
function nanoOf(line: string): string {
  return /"timeNano":(\d+)/.exec(line)?.[1] ?? "0";
}

function timeOf(nano: string): string {
  const seconds = nano.slice(0, -9);
  const moment = rfc3339(Number(seconds) * 1000);
  return `${moment.slice(0, 19)}.${nano.slice(-9).padStart(9, "0")}${moment.slice(19)}`;
}

function eventText(line: string): string {
  const { Type, Action, Actor } = JSON.parse(line) as Event;
  const names = Object.keys(Actor.Attributes ?? {}).sort();
  const attributes = names.map((name) => `${name}=${Actor.Attributes[name]}`).join(", ");
  const tail = names.length === 0 ? "" : ` (${attributes})`;
  return `${timeOf(nanoOf(line))} ${Type} ${Action} ${Actor.ID}${tail}\n`;
}

/** As docker writes it: empty names left out, attributes in order. */
function eventJson(line: string): string {
  const { status = "", id = "", from = "", Type, Action, Actor, scope, time } = JSON.parse(line) as Event;
  const Attributes = Object.fromEntries(
    Object.entries(Actor.Attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const names = Object.entries({ status, id, from }).filter(([, value]) => value !== "");
  const event = {
    ...Object.fromEntries(names),
    Type,
    Action,
    Actor: { ID: Actor.ID, Attributes },
    scope,
    time,
  };
  return `${JSON.stringify(event).slice(0, -1)},"timeNano":${nanoOf(line)}}
`;
}

/** Under Go's names. */
function fieldsOf(line: string): object {
  const event = JSON.parse(line) as Event;
  return {
    ...{ Status: event.status ?? "", ID: event.id ?? "", From: event.from ?? "", Type: event.Type },
    ...{
      Action: event.Action,
      Actor: event.Actor,
      Scope: event.scope,
      Time: event.time,
      TimeNano: nanoOf(line),
    },
  };
}

const NOTHING = JSON.stringify({
  Type: "",
  Action: "",
  Actor: { ID: "", Attributes: {} },
  scope: "",
  time: 0,
});

function compile(format: string): Template {
  try {
    const template = compileTemplate(format, {
      type: "*events.Message",
      missing: (parent) => (parent === "Attributes" ? { value: undefined } : undefined),
    });
    template(fieldsOf(NOTHING));
    return template;
  } catch (error) {
    throw new CliError(`Error parsing format: ${messageOf(error)}`, 64);
  }
}

function printer(format: string): (line: string) => string {
  if (format === "") return eventText;
  if (format === "json" || format === "{{json .}}") return eventJson;
  const template = compile(format);
  return (line) => `${template(fieldsOf(line))}\n`;
}

function moment(value: string): string {
  const time = timestampOf(value);
  if (time === "" || /^\d+(\.\d+)?$/.test(time)) return time;
  throw new CliError(`failed to parse value as time or duration: ${JSON.stringify(value)}`);
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Get real time events from the server",
  flags: [
    list("filter", "Filter output based on conditions provided", { short: "f", type: "filter" }),
    { ...text("format", INSPECT_FORMAT.usage) },
    text("since", "Show all events created since timestamp"),
    text("until", "Stream events until this timestamp"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const print = printer(context.text("format"));
    const query = {
      filters: encodeFilters(context.list("filter")),
      since: moment(context.text("since")),
      until: moment(context.text("until")),
    };
    const response = await context.client.send("GET", "/events", { query });
    for await (const line of textLines(response.body)) if (!writeStdout(print(line))) break;
    response.close();
    return 0;
  },
};
