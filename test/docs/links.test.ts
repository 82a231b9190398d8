/** Documentation that cannot drift: every link of docs/path-of-a-run.md names a file that exists and a symbol that it declares. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PAGES = ["README.md", ...new Bun.Glob("docs/**/*.md").scanSync(".")];
const LINK = /\]\(([^)\s]+)\)/g;

test.each(PAGES)("%s", (page) => {
  const links = [...readFileSync(page, "utf8").matchAll(LINK)].map((match) => match[1]!);
  for (const link of links.filter((target) => !/^(https?:|#)/.test(target))) {
    const [path, symbol] = link.split("#") as [string, string?];
    const file = join(dirname(page), path);
    expect(existsSync(file), `${page} → ${link}`).toBe(true);
    if (symbol === undefined || !/\.(ts|c|h)$/.test(file)) continue;
    const declared = new RegExp(
      `\\b(?:function|const|class|interface|type)\\s+${symbol}\\b|^[\\w\\s*]*\\b${symbol}\\(|^\\s+(?:async )?${symbol}[(:]`,
      "m",
    );
    expect(readFileSync(file, "utf8"), `${page} → ${link}`).toMatch(declared);
  }
});
