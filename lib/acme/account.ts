/**
 * Accounts (RFC 8555 §7.3).
 * @module
 */
import { conflict, denied, PlatformError } from "@lib/errors/mod.ts";
import type { AcmeConnection } from "./connection.ts";
import { type ExternalAccount, externalBinding, publicJwk, signedBody, type Signer } from "./jws.ts";

export interface Account {
  /** Its identity: the `kid` of every later request. */
  readonly url: string;
  /** False when the key had an account before. */
  readonly created: boolean;
  /** "mailto:…" each. */
  readonly contacts: readonly string[];
}

export interface AccountOptions {
  key: CryptoKeyPair;
  /** Undefined leaves those of an existing account as they are. */
  contacts?: readonly string[] | undefined;
  externalAccount?: ExternalAccount | undefined;
  /** The operator has agreed to the CA's terms of service. */
  termsAgreed: boolean;
}

/**
 * The account of the key: found, or made. Contacts that differ from the given ones are changed.
 * @throws PlatformError `conflict` when the CA has terms that nobody agreed to, `denied` when it wants an external
 *   account and none is given, or the account is no longer valid
 */
export async function openAccount(
  connection: AcmeConnection,
  { key, contacts, externalAccount, termsAgreed }: AccountOptions,
  signal?: AbortSignal,
): Promise<Account> {
  const { newAccount, termsOfService, externalAccountRequired } = await connection.directory(signal);
  const signer: Signer = { key, account: null };
  // An account that is there needs neither terms nor binding, so a first look is for that one alone.
  const maySign = (termsOfService === "" || termsAgreed) && (!externalAccountRequired || externalAccount !== undefined);
  const answer = await connection.post(
    newAccount,
    maySign
      ? {
        ...(termsOfService === "" ? {} : { termsOfServiceAgreed: true }),
        ...(contacts === undefined ? {} : { contact: contacts }),
        ...(externalAccount === undefined
          ? {}
          : { externalAccountBinding: await externalBinding(externalAccount, key, newAccount) }),
      }
      : { onlyReturnExisting: true },
    signer,
    { signal },
  ).catch((error) => {
    if (maySign || !(error instanceof PlatformError && error.rule === "accountDoesNotExist")) throw error;
    if (termsOfService !== "" && !termsAgreed) {
      throw conflict(
        `No account with the ACME server at ${connection.origin}: its terms of service are not agreed to`,
        {
          hint: `Read ${termsOfService} and say in the configuration that you agree`,
        },
      );
    }
    throw denied("externalAccountRequired", `The ACME server at ${connection.origin} wants an external account`, {
      hint: "Get a key id and HMAC key from the CA's operator and put them into the configuration",
    });
  });
  const url = connection.url(answer.headers.get("location"), "the account");
  let shown = connection.json(answer, "the account");
  // RFC 8555 §7.1.6: deactivated by its owner, revoked by the server; both are for ever.
  if (shown["status"] !== "valid") {
    throw denied("account", `The account ${url} is ${shown["status"]}`, { hint: "Make a new account key" });
  }
  if (contacts !== undefined && answer.status === 200 && textsOf(shown["contact"]).join() !== contacts.join()) {
    const changed = await connection.post(url, { contact: contacts }, { key, account: url }, { signal });
    shown = connection.json(changed, "the account");
  }
  return { url, created: answer.status === 201, contacts: textsOf(shown["contact"]) };
}

/** RFC 8555 §7.3.5: from then on the account goes by `next`. */
export async function changeAccountKey(
  connection: AcmeConnection,
  signer: Signer,
  next: CryptoKeyPair,
  signal?: AbortSignal,
): Promise<void> {
  const { keyChange } = await connection.directory(signal);
  if (keyChange === "") throw conflict(`The ACME server at ${connection.origin} can't change account keys`);
  const payload = { account: signer.account, oldKey: await publicJwk(signer.key) };
  const inner = JSON.parse(await signedBody(payload, { key: next, account: null }, keyChange, null));
  await connection.post(keyChange, inner, signer, { signal });
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
