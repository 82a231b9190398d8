/** Who we are to a registry. Asked once a host and transfer; the secret stays in memory and never goes to another host. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly username: string; readonly secret: string }
  /** A refresh ("identity") token. */
  | { readonly kind: "refresh"; readonly secret: string }
  /** The value of `Authorization` itself. */
  | { readonly kind: "header"; readonly secret: string };

export interface CredentialSource {
  /** @param host `registry-1.docker.io` @param challenges values of WWW-Authenticate */
  credentials(host: string, challenges: readonly string[]): Promise<Credentials>;
}

export const anonymous: CredentialSource = Object.freeze({
  async credentials(): Promise<Credentials> {
    return { kind: "none" };
  },
});
