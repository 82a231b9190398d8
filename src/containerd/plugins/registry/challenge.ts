/** `WWW-Authenticate` as registries write it (RFC 7235, distribution-spec): a registry's words, so read by hand within bounds, never by backtracking. */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly parameters: ReadonlyMap<string, string>;
}

const HEADER_LENGTH_MAX = 16 * 1024;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;

class Scanner {
  #at = 0;
  constructor(private readonly text: string) {}

  skip(pattern: RegExp): void {
    while (this.#at < this.text.length && pattern.test(this.text[this.#at]!)) this.#at++;
  }

  token(): string {
    const from = this.#at;
    this.skip(TOKEN);
    return this.text.slice(from, this.#at);
  }

  take(char: string): boolean {
    if (this.text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  value(): string {
    if (!this.take('"')) return this.token();
    let value = "";
    while (this.#at < this.text.length && this.text[this.#at] !== '"') {
      if (this.text[this.#at] === "\\") this.#at++;
      value += this.text[this.#at++] ?? "";
    }
    this.#at++;
    return value;
  }

  get position(): number {
    return this.#at;
  }

  set position(at: number) {
    this.#at = at;
  }
}

/** `name=value`; undefined, and nothing consumed, for anything else: then the next challenge begins. */
function parameter(scanner: Scanner): readonly [string, string] | undefined {
  const from = scanner.position;
  const name = scanner.token();
  if (name !== "" && scanner.take("=")) return [name.toLowerCase(), scanner.value()];
  scanner.position = from;
  return undefined;
}

/** Challenges of the schemes we know; bearer first. */
export function parseChallenges(header: string | null): Challenge[] {
  if (header === null || header.length > HEADER_LENGTH_MAX) return [];
  const scanner = new Scanner(header);
  const found: Challenge[] = [];
  for (;;) {
    scanner.skip(/[\s,]/);
    const scheme = scanner.token().toLowerCase();
    if (scheme === "") break;
    const parameters = new Map<string, string>();
    for (;;) {
      scanner.skip(/[\s,]/);
      const pair = parameter(scanner);
      if (pair === undefined) break;
      parameters.set(...pair);
    }
    if (scheme === "basic" || scheme === "bearer") found.push({ scheme, parameters });
  }
  return found.sort((a, b) => (a.scheme === b.scheme ? 0 : a.scheme === "bearer" ? -1 : 1));
}
