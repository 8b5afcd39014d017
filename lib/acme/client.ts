/**
 * An ACME client (RFC 8555): certificates from a CA that checks names by itself. It speaks to one server, and to no
 * other address: every URL that the server names must be of the directory's own origin.
 * @module
 */
import { type Clock, systemClock } from "@lib/clock/mod.ts";
import { conflict, messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { parseCertificate, readPem } from "@lib/pki/mod.ts";
import { type Account, changeAccountKey, openAccount } from "./account.ts";
import type { ChallengeSolver } from "./challenge.ts";
import { AcmeConnection, type AcmeHttp } from "./connection.ts";
import { checkAccountKey, type ExternalAccount, type Signer } from "./jws.ts";
import { type IssuedCertificate, runOrder } from "./order.ts";
import { defaultPollLimits, type PollLimits, systemWait, type Wait } from "./poll.ts";
import { askAgainSeconds, readWindow, type Renewal, renewalByAge, renewalId, renewalInWindow } from "./renewal.ts";

export interface AcmeClientOptions {
  /** https URL. */
  directoryUrl: string;
  /** An HttpsClient for the directory's server: its address, the name in its certificate, the CA of that. */
  http: AcmeHttp;
  /** P-256. Whoever holds it can revoke what it got, so keep it as you keep the certificates' keys. */
  accountKey: CryptoKeyPair;
  /** "mailto:…" each; default: an existing account's are left as they are. */
  contacts?: readonly string[];
  externalAccount?: ExternalAccount;
  /** The operator has read and agreed to the CA's terms of service; needed only where it has some; default false. */
  termsAgreed?: boolean;
  clock?: Clock;
  log: Logger;
  /** How long a server's decision is waited for; default: five minutes for each. */
  pollLimits?: Partial<PollLimits>;
  /** How waiting is done; default: by the system's timers. */
  wait?: Wait;
}

export interface IssueOptions {
  /** DNS names (`*.` as the first label needs dns-01) and IP addresses, at most 100. */
  names: readonly string[];
  /** Of the certificate; made anew for each. */
  key: "P-256";
  solver: ChallengeSolver;
  /** The chain that the new one takes the place of: CAs with renewal information let it past their rate limits. */
  replaces?: string;
  signal?: AbortSignal;
}

/** RFC 5280 §5.3.1, those that an owner may give. */
export const revocationReasons = { unspecified: 0, keyCompromise: 1, superseded: 4, cessationOfOperation: 5 } as const;

/** See the module. May run several orders at once. */
export class AcmeClient {
  readonly #options: AcmeClientOptions;
  readonly #connection: AcmeConnection;
  readonly #clock: Clock;
  #key: CryptoKeyPair;
  #account: Promise<Account> | null = null;

  /** @throws PlatformError `invalid` for a directory URL that isn't https, or a key that isn't P-256 */
  constructor(options: AcmeClientOptions) {
    checkAccountKey(options.accountKey);
    this.#options = options;
    this.#key = options.accountKey;
    this.#clock = options.clock ?? systemClock;
    this.#connection = new AcmeConnection({ ...options, clock: this.#clock });
  }

  /**
   * The account of the key, made at the first use. A failure isn't kept.
   * @throws PlatformError as {@linkcode openAccount} says
   */
  account(): Promise<Account> {
    if (this.#account === null) {
      const { contacts, externalAccount, termsAgreed = false } = this.#options;
      const opened = openAccount(this.#connection, { key: this.#key, contacts, externalAccount, termsAgreed });
      opened.then(
        ({ url, created }) => this.#options.log.info("ACME account opened", { account: url, created }),
        () => this.#account = null,
      );
      this.#account = opened;
    }
    return this.#account;
  }

  /**
   * Gets a certificate for the names, with a new key. Takes seconds to minutes; five minutes at most for each name's
   * proof and for the issuing, unless told otherwise.
   * @throws PlatformError with the CA's words; `rule` is the type of its problem (RFC 8555 §6.7). `rate_limited` and
   *   `unavailable` may carry `retryAfterSeconds`: ask again no sooner
   */
  async issue(options: IssueOptions): Promise<IssuedCertificate> {
    const replaces = options.replaces === undefined ? undefined : renewalId(options.replaces) ?? undefined;
    const order = async () =>
      await runOrder({
        connection: this.#connection,
        signer: await this.#signer(),
        polling: {
          limits: { ...defaultPollLimits, ...this.#options.pollLimits },
          clock: this.#clock,
          wait: this.#options.wait ?? systemWait,
        },
        log: this.#options.log,
      }, { names: options.names, solver: options.solver, replaces, signal: options.signal });
    try {
      return await order();
    } catch (error) {
      // The server may have been set up anew since: its URLs and its accounts are read again.
      this.#connection.forgetDirectory();
      if (!(error instanceof PlatformError && error.rule === "accountDoesNotExist")) throw error;
      this.#account = null;
      return await order();
    }
  }

  /**
   * When the certificate is to be renewed, and when to ask again. A CA that can't be asked is no failure: then it is
   * by age.
   */
  async renewal(chainPem: string, signal?: AbortSignal): Promise<Renewal> {
    const now = this.#clock.now();
    let askAgain: number = askAgainSeconds.default;
    try {
      const { renewalInfo } = await this.#connection.directory(signal);
      const id = renewalId(chainPem);
      if (renewalInfo !== "" && id !== null) {
        const answer = await this.#connection.get(`${renewalInfo.replace(/\/$/, "")}/${id}`, signal);
        const { min, max } = askAgainSeconds;
        askAgain = Math.min(max, Math.max(min, answer.retryAfter ?? askAgain));
        const window = readWindow(this.#connection.json(answer, "renewal information"));
        const askAgainAt = new Date(now + askAgain * 1000);
        // A window past the certificate's end would have it expire first.
        if (window !== null && window.start < parseCertificate(chainPem).notAfter) {
          const at = await renewalInWindow(chainPem, window);
          return { at, askAgainAt, explanationUrl: window.explanationUrl, byCa: true };
        }
      }
    } catch (error) {
      this.#options.log.debug("No renewal information from the ACME server", { reason: messageOf(error) });
    }
    const askAgainAt = new Date(now + askAgain * 1000);
    return { at: await renewalByAge(chainPem), askAgainAt, explanationUrl: "", byCa: false };
  }

  /** When the certificate is to be renewed, as of now: the CA may change its mind, see {@linkcode renewal}. */
  async renewAt(chainPem: string): Promise<Date> {
    return (await this.renewal(chainPem)).at;
  }

  /**
   * Tells the CA that a certificate of this account is not to be trusted any more (RFC 8555 §7.6).
   * @throws PlatformError; rule `alreadyRevoked` when it is
   */
  async revoke(chainPem: string, reason: keyof typeof revocationReasons = "unspecified"): Promise<void> {
    const { revokeCert } = await this.#connection.directory();
    if (revokeCert === "") throw conflict(`The ACME server at ${this.#connection.origin} can't revoke certificates`);
    const [leaf] = readPem(parseCertificate(chainPem).pem);
    const certificate = leaf?.der.toBase64({ alphabet: "base64url", omitPadding: true });
    await this.#connection.post(revokeCert, { certificate, reason: revocationReasons[reason] }, await this.#signer());
  }

  /** Gives the account a new key (RFC 8555 §7.3.5), which this client uses from then on. Keep the old one until it returns. */
  async changeKey(next: CryptoKeyPair): Promise<void> {
    checkAccountKey(next);
    await changeAccountKey(this.#connection, await this.#signer(), next);
    this.#key = next;
  }

  async #signer(): Promise<Signer> {
    const { url } = await this.account();
    return { key: this.#key, account: url };
  }
}
