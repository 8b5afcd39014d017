/** Accounts of the test's ACME server (RFC 8555 §7.3). */
import { calculateJwkThumbprint, flattenedVerify, importJWK, type JWK } from "jose";

export interface Account {
  readonly url: string;
  jwk: JWK;
  contact: unknown;
}

/** A request whose signature holds. */
export interface Signed {
  readonly payload: Record<string, unknown>;
  readonly jwk: JWK;
  readonly account: Account | null;
}

/** What a new account needs. */
export interface AccountRules {
  /** The URL of the terms that must be agreed to; "" for none. */
  terms: string;
  /** Key ids and HMAC keys, base64url; when there are some, an account needs one. */
  externalAccounts: ReadonlyMap<string, string>;
}

/** Thrown as an answer. */
export class Refused extends Error {
  constructor(readonly status: number, readonly type: string, readonly detail: string, readonly more: object = {}) {
    super(detail);
  }
}

/** All accounts. */
export class Accounts {
  readonly #all: Account[] = [];

  find(url: string): Account | undefined {
    return this.#all.find((each) => each.url === url);
  }

  forget(): void {
    this.#all.length = 0;
  }

  /** RFC 8555 §7.3: found by its key, or made. @returns the status to answer too */
  async open(
    { payload, jwk }: Signed,
    base: string,
    rules: AccountRules,
  ): Promise<{ status: 200 | 201; account: Account }> {
    const { terms, externalAccounts } = rules;
    const digest = await calculateJwkThumbprint(jwk);
    for (const account of this.#all) {
      if (await calculateJwkThumbprint(account.jwk) !== digest) continue;
      return { status: 200, account };
    }
    if (payload["onlyReturnExisting"] === true) {
      throw new Refused(400, "accountDoesNotExist", "no account has this key");
    }
    if (terms !== "" && payload["termsOfServiceAgreed"] !== true) throw new Refused(403, "userActionRequired", "terms");
    if (externalAccounts.size > 0) {
      await checkBinding(payload["externalAccountBinding"], digest, base, externalAccounts);
    }
    const url = `${base}/accounts/${crypto.randomUUID()}`;
    const account: Account = { url, jwk, contact: payload["contact"] ?? [] };
    this.#all.push(account);
    return { status: 201, account };
  }

  /** RFC 8555 §7.3.5. */
  async changeKey(inner: object, account: Account, base: string): Promise<void> {
    const jws = inner as Parameters<typeof flattenedVerify>[0];
    const { jwk, alg, url, nonce } = headOf(jws);
    if (url !== `${base}/key-change` || nonce !== undefined) throw new Refused(400, "malformed", "inner header");
    const { payload } = await flattenedVerify(jws, await importJWK(jwk!, alg));
    const change = JSON.parse(new TextDecoder().decode(payload));
    const old = await calculateJwkThumbprint(account.jwk);
    if (change.account !== account.url || await calculateJwkThumbprint(change.oldKey) !== old) {
      throw new Refused(403, "unauthorized", "not the account's key");
    }
    account.jwk = jwk!;
  }
}

/** RFC 8555 §7.3.4. */
async function checkBinding(
  binding: unknown,
  digest: string,
  base: string,
  accounts: AccountRules["externalAccounts"],
): Promise<void> {
  if (binding === undefined) throw new Refused(403, "externalAccountRequired", "none is bound");
  const jws = binding as Parameters<typeof flattenedVerify>[0];
  const { alg, kid, url } = headOf(jws);
  const secret = accounts.get(kid ?? "");
  if (secret === undefined || alg !== "HS256" || url !== `${base}/account`) {
    throw new Refused(403, "unauthorized", `the binding is to ${kid} by ${alg} for ${url}`);
  }
  const { payload } = await flattenedVerify(jws, Uint8Array.fromBase64(secret, { alphabet: "base64url" }));
  if (await calculateJwkThumbprint(JSON.parse(new TextDecoder().decode(payload))) !== digest) {
    throw new Refused(403, "unauthorized", "the binding is for another key");
  }
}

export function shownAccount({ contact }: Account) {
  return { status: "valid", contact };
}

/** A JWS's protected header. */
export function headOf(
  jws: { protected?: string },
): { alg: string; url: string; kid?: string; nonce?: string; jwk?: JWK } {
  const bytes = Uint8Array.fromBase64(jws.protected ?? "", { alphabet: "base64url" });
  return JSON.parse(new TextDecoder().decode(bytes));
}
