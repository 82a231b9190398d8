import { expect, test } from "bun:test";
import type { ProgressLine } from "../../contracts/engine/image.ts";
import { drawBar } from "./bar.ts";
import { type Screen, showProgress } from "./display.ts";
import { jsonLines } from "./lines.ts";

async function* bodyOf(lines: readonly ProgressLine[], step = 7): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

async function show(lines: readonly ProgressLine[], terminal: boolean): Promise<string> {
  let text = "";
  const screen: Screen = { terminal, columns: 80, write: (more) => void (text += more) };
  await showProgress(bodyOf(lines), screen);
  return text;
}

const LINES: readonly ProgressLine[] = [
  { status: "Pulling from x", id: "latest" },
  { status: "Pulling fs layer", progressDetail: {}, id: "aaa" },
  { status: "Downloading", progressDetail: { current: 50, total: 100 }, id: "aaa" },
  { status: "Pull complete", progressDetail: {}, id: "aaa" },
  { status: "Digest: sha256:1" },
];

test("a bar grows with what is done", () => {
  expect(drawBar({ current: 50, total: 100 }, 200)).toBe(
    `[${"=".repeat(25)}>${" ".repeat(25)}]      50B/100B`,
  );
  expect(drawBar({ current: 50, total: 100 }, 80)).toBe("     50B/100B");
  expect(drawBar({ current: 1500 }, 80)).toBe(" 1.5kB".padStart(8));
  expect(drawBar({}, 80)).toBe("");
});

test("without a terminal bars are left out", async () => {
  expect(await show(LINES, false)).toBe(
    "latest: Pulling from x\naaa: Pulling fs layer\naaa: Pull complete\nDigest: sha256:1\n",
  );
});

test("on a terminal each id has its line", async () => {
  expect(await show(LINES, true)).toBe(
    [
      "latest: Pulling from x\n",
      "\n\x1b[1A\x1b[2K\raaa: Pulling fs layer \r\x1b[1B",
      "\x1b[1A\x1b[2K\raaa: Downloading      50B/100B\r\x1b[1B",
      "\x1b[1A\x1b[2K\raaa: Pull complete \r\x1b[1B",
      "Digest: sha256:1\n",
    ].join(""),
  );
});

test("an error ends it", async () => {
  const error = show([{ errorDetail: { message: "no space left" }, error: "no space left" }], false);
  await expect(error).rejects.toThrow("no space left");
});

test("what is no JSON is refused", async () => {
  const read = async () => {
    for await (const _ of jsonLines(
      (async function* () {
        yield Buffer.from("{]\n");
      })(),
    ));
  };
  await expect(read()).rejects.toThrow("invalid character");
});
