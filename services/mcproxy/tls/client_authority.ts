/**
 * Who vouches for clients: the CA certificates of one file, and what is asked of a certificate that a client shows.
 *
 * Two must say yes: the engine, which knows name constraints and every extension but takes no notice of a CA that has
 * ended, and `verifyClientChain`, which looks at times, signatures, and what each certificate may do. The engine resumes
 * any session that it has begun with the name, and says nothing against its chain then: what was found out about a chain
 * when it was shown is remembered, and a session whose chain isn't known is refused.
 * @module
 */
import { createHash } from "node:crypto";
import { invalid, messageOf } from "@lib/errors/mod.ts";
import { type ClientIssuer, parseClientIssuers, verifyClientChain } from "@lib/pki/mod.ts";
import { type ClientChain, dateText } from "@lib/tls/mod.ts";

/** A client's certificate that was found good. */
export interface ClientCertificate {
  /** RFC 4514. */
  readonly subject: string;
  /** SHA-256, lower-case hex. */
  readonly fingerprint: string;
  /** As the field Client-Cert has it: a byte sequence (RFC 9440 §2.1, RFC 9651 §3.3.5). */
  readonly field: string;
  /** Fingerprint of the CA that it leads to. */
  readonly authority: string;
  /** When the first certificate on the way there ends; ms since the epoch. */
  readonly notAfter: number;
}

/** What became of a client's certificate. */
export type ClientProof =
  | { readonly certificate: ClientCertificate; readonly problem: "" }
  /** `problem`: "" when it has shown none. */
  | { readonly certificate: null; readonly problem: string };

/** What a handshake tells of its client. */
export interface Handshake {
  readonly clientChain: ClientChain | null;
  readonly isResumed: boolean;
}

/**
 * Chains that are remembered. One that is forgotten costs its client a connection; so those that anybody can make have
 * room of their own, and can't push the others out.
 */
const maxGood = 10_000;
const maxBad = 1000;

/**
 * Of a chain that the engine has refused, only the reason is looked for, in so many certificates and signatures: anybody
 * can send one, and each takes up to 2 ms.
 */
const refusedCertificates = 3;

/** The proof of a client that has shown nothing. */
export const noProof: ClientProof = { certificate: null, problem: "" };

/** See the module. */
export class ClientAuthority {
  readonly #issuers: readonly ClientIssuer[];
  readonly #ends: readonly number[];
  readonly #fingerprints: ReadonlySet<string>;
  /** By chain, the oldest first. */
  readonly #good = new Map<string, ClientCertificate>();
  readonly #bad = new Map<string, string>();

  private constructor(readonly pem: string, issuers: readonly ClientIssuer[], now: number) {
    this.#issuers = issuers;
    this.#ends = issuers.map(({ notAfter }) => notAfter.getTime()).filter((end) => end > now);
    this.#fingerprints = new Set(issuers.map(({ fingerprint }) => fingerprint));
  }

  /**
   * @param now ms since the epoch
   * @param current what is in use, and stays so when the file says the same
   * @throws PlatformError `invalid` on client_ca: no PEM, a certificate that is no CA, or none that is in its validity
   */
  static read(path: string, now: number, current: ClientAuthority | null): ClientAuthority {
    let pem: string;
    try {
      pem = Deno.readTextFileSync(path);
    } catch (error) {
      throw invalid("client_ca", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
    }
    // What it remembers would be lost, and each client's next connection with it.
    if (current?.pem === pem) return current;
    let issuers: ClientIssuer[];
    try {
      issuers = parseClientIssuers(pem, "client_ca");
    } catch (error) {
      throw invalid("client_ca", `${path} can't be used: ${messageOf(error)}`, {
        hint: "The file takes CA certificates in PEM, and nothing else",
        cause: error,
      });
    }
    if (!issuers.some((one) => one.notBefore.getTime() <= now && now < one.notAfter.getTime())) {
      const [{ subject, notBefore, notAfter }] = issuers as [ClientIssuer];
      const times = `from ${dateText(notBefore)} to ${dateText(notAfter)}`;
      throw invalid("client_ca", `no CA in ${path} is valid now: "${subject}" is ${times}`, {
        hint: "Put the CA certificate there that signs now; check this machine's clock",
      });
    }
    return new ClientAuthority(pem, issuers, now);
  }

  /** Who vouches: RFC 4514. */
  get subjects(): string[] {
    return this.#issuers.map(({ subject }) => subject);
  }

  /** When the first of them ends. One that had ended when the file was read doesn't count, as long as others hadn't. */
  get notAfter(): Date {
    return new Date(Math.min(...this.#ends));
  }

  /**
   * Whether a client may go on with a session in which it showed that chain, which is what `prove` will go by.
   * @param isRequired only what was found good will do
   */
  takesSession(chain: ClientChain | null, isRequired: boolean, now: number): boolean {
    if (chain === null) return !isRequired;
    const id = idOf(chain);
    const good = this.#good.get(id);
    return good === undefined ? !isRequired && this.#bad.has(id) : this.stillTakes(good, now);
  }

  /** Looks at what a client has shown, at `now`, ms since the epoch; never rejects. */
  async prove({ clientChain: chain, isResumed }: Handshake, now: number): Promise<ClientProof> {
    if (chain === null) return noProof;
    const id = idOf(chain);
    const known = this.#good.get(id);
    // The same chain leads to the same CA; only the time goes on.
    if (known !== undefined && chain.verdict === "" && this.stillTakes(known, now)) {
      return { certificate: known, problem: "" };
    }
    if (isResumed) return badProof(this.#bad.get(id) ?? "");
    const proof = await this.#examine(chain, now);
    // What it was before, in another moment, doesn't count any more.
    this.#good.delete(id);
    this.#bad.delete(id);
    if (proof.certificate !== null) remember(this.#good, id, proof.certificate, maxGood);
    else remember(this.#bad, id, proof.problem, maxBad);
    return proof;
  }

  async #examine(chain: ClientChain, now: number): Promise<ClientProof> {
    try {
      const { certificates, verdict } = chain;
      if (verdict !== "") {
        await verifyClientChain(certificates.slice(0, refusedCertificates), this.#issuers, now, refusedCertificates);
        throw invalid("client_certificate", `the engine refuses it: ${verdict}`);
      }
      const { subject, fingerprint, issuer, notAfter } = await verifyClientChain(certificates, this.#issuers, now);
      const field = `:${certificates[0]!.toBase64()}:`;
      return {
        certificate: { subject, fingerprint, field, authority: issuer.fingerprint, notAfter },
        problem: "",
      };
    } catch (error) {
      return badProof(messageOf(error));
    }
  }

  /** Whether one that was found good, by this or by what was in the file before, still is. */
  stillTakes({ authority, notAfter }: ClientCertificate, now: number): boolean {
    return now < notAfter && this.#fingerprints.has(authority);
  }
}

function badProof(problem: string): ClientProof {
  return { certificate: null, problem: problem === "" ? "it was shown too long ago" : problem };
}

function remember<Value>(known: Map<string, Value>, id: string, value: Value, max: number): void {
  known.set(id, value);
  if (known.size <= max) return;
  for (const oldest of known.keys()) {
    known.delete(oldest);
    return;
  }
}

/** Of all its certificates. A chain of two is none of one: DER says how long each is. */
function idOf({ certificates }: ClientChain): string {
  const hash = createHash("sha256");
  for (const certificate of certificates) hash.update(certificate);
  return hash.digest("base64");
}
