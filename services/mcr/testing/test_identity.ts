/** An MCIAS of a few accounts, for tests of what the registry does with its answers. */
import type { Caller } from "@lib/auth/mod.ts";
import { unavailable } from "@lib/errors/mod.ts";
import type { Identity, Login } from "../oci/identity.ts";

/** Of the form that the registry takes for a token. */
export function mciasToken(username: string): string {
  const part = (text: string) => new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
  return `${part('{"alg":"EdDSA"}')}.${part(`{"username":"${username}"}`)}.${part(`signature of ${username}`)}`;
}

/** Every human's password. */
export const password = "correct horse battery";

const accounts: readonly [string, Caller["accountType"], string[]][] = [
  ["ada", "human", ["admin"]],
  ["ulla", "human", ["user"]],
  ["gus", "human", ["guest"]],
  ["mcq", "system", []],
  ["mcp-agent", "system", []],
];

export class TestIdentity implements Identity {
  /** Set to make every question fail like an MCIAS that is down. */
  down = false;
  /** Tokens whose logins were ended. */
  readonly loggedOut: string[] = [];
  readonly #revoked = new Set<string>();

  login(username: string, given: string): Promise<Login | null> {
    this.#answer();
    const caller = this.#caller(username);
    if (caller === null || caller.accountType !== "human" || given !== password) return Promise.resolve(null);
    return Promise.resolve({ caller, token: mciasToken(username) });
  }

  readonly verify = (token: string): Promise<Caller | null> => {
    this.#answer();
    const found = accounts.find(([username]) => mciasToken(username) === token && !this.#revoked.has(token));
    return Promise.resolve(found === undefined ? null : this.#caller(found[0]));
  };

  logout(token: string): Promise<void> {
    this.loggedOut.push(token);
    return Promise.resolve();
  }

  revoke(token: string): void {
    this.#revoked.add(token);
  }

  #caller(username: string): Caller | null {
    const found = accounts.find(([name]) => name === username);
    if (found === undefined) return null;
    return { subject: `id-${username}`, username, accountType: found[1], roles: found[2], tokenId: `t-${username}` };
  }

  #answer(): void {
    if (this.down) throw unavailable("MCIAS does not answer at 127.0.0.1:18102", { hint: "Try again shortly" });
  }
}
