/** Values of ARG: what the Dockerfile declares, what the client gives, and the proxies that need no declaration. */

const BUILT_IN = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

export class BuildArguments {
  readonly #globals = new Map<string, string | undefined>();
  #declared = new Map<string, string | undefined>();
  /** Also of earlier stages. */
  readonly #referenced = new Set<string>();

  constructor(private readonly given: ReadonlyMap<string, string>) {}

  declareGlobal(name: string, value: string | undefined): void {
    this.#globals.set(name, value);
    this.#referenced.add(name);
  }

  declare(name: string, value: string | undefined): void {
    this.#declared.set(name, value);
    this.#referenced.add(name);
  }

  /** Each stage declares its own. */
  nextStage(): void {
    this.#declared = new Map();
  }

  /** What FROM may use. */
  globals(): Map<string, string> {
    const values = [...this.#globals].map(([name, value]) => [name, this.given.get(name) ?? value] as const);
    return new Map(values.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
  }

  /** Sorted; what ENV sets outweighs them. */
  allowed(environment: ReadonlyMap<string, string>): [string, string][] {
    const values = new Map<string, string>();
    for (const name of BUILT_IN) {
      const value = this.given.get(name);
      if (value !== undefined) values.set(name, value);
    }
    for (const [name, value] of this.#declared) {
      const now = this.given.get(name) ?? value ?? this.globals().get(name);
      if (now !== undefined) values.set(name, now);
    }
    return [...values].filter(([name]) => !environment.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Proxies that nobody declared are in no history and change no cache. */
  isTold(name: string): boolean {
    return this.#referenced.has(name) || !BUILT_IN.includes(name);
  }

  unused(): string[] {
    return [...this.given.keys()].filter((name) => this.isTold(name) && !this.#referenced.has(name)).sort();
  }
}
