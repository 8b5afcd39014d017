/**
 * A certificate authority that speaks ACME (RFC 8555): accounts with keys that change, external accounts, orders of many
 * names, all three challenges, revocation, renewal information (RFC 9773). For tests: it remembers everything in
 * memory, and misbehaves when told to.
 */
import { parseCertificate, readCsr, writePem } from "@lib/pki/mod.ts";
import { calculateJwkThumbprint, flattenedVerify, importJWK, type JWK } from "jose";
import { type Account, type AccountRules, Accounts, headOf, Refused, shownAccount, type Signed } from "./accounts.ts";
import { renewalId } from "../renewal.ts";
import { type Reach, validate } from "./validation.ts";

/** What a test may change at any time. */
export interface Behaviour extends AccountRules {
  /** Every n-th nonce is refused; 0 none. */
  refuseNonce: number;
  /** Looks at an authorization and at an order before they settle. */
  looks: number;
  /** Sent with what hasn't settled, and with renewal information. */
  retryAfter: string;
  /** Orders are refused with it. */
  problem: { status: number; type: string; detail: string; retryAfter?: string } | null;
  /** Names that a CAA record forbids. */
  forbidden: string[];
  /** Offered for each name. */
  challenges: string[];
  /** Suggested for every certificate; null = there is no renewal information. */
  window: { start: string; end: string } | null;
  /** Given in place of the own origin in URLs of orders. */
  origin: string;
  /** Changes a chain before it is handed out. */
  tamper: (chain: string) => string | Promise<string>;
}

interface Authorization {
  readonly name: string;
  readonly wildcard: boolean;
  readonly token: string;
  status: "pending" | "valid" | "invalid";
  /** Decided, and shown after the looks. */
  verdict: "valid" | "invalid" | null;
  failed: { type: string; detail: string } | null;
  looks: number;
}

interface Order {
  readonly account: Account;
  readonly names: string[];
  readonly authorizations: Authorization[];
  readonly replaces: string;
  certificate: string | null;
  looks: number;
}

/** See the module. */
export class Authority {
  base = "";
  /** What the checks of challenges found, in order: "www.example.org valid". */
  readonly checks: string[] = [];
  /** Every signed request, as "POST orders" by resource; nonce refusals too. */
  readonly requests: string[] = [];
  /** Serial numbers. */
  readonly revoked: string[] = [];
  /** Renewal ids that orders named. */
  readonly replaced: string[] = [];
  readonly behaviour: Behaviour = {
    refuseNonce: 0,
    looks: 0,
    retryAfter: "",
    problem: null,
    forbidden: [],
    challenges: ["http-01", "dns-01", "tls-alpn-01"],
    window: null,
    terms: "",
    externalAccounts: new Map(),
    origin: "",
    tamper: (chain) => chain,
  };
  readonly #reach: Reach;
  readonly #issue: (csr: string, names: string[]) => Promise<string>;
  readonly #nonces = new Set<string>();
  #nonceCount = 0;
  readonly #accounts = new Accounts();
  readonly #orders: Order[] = [];
  readonly #authorizations: Authorization[] = [];

  constructor(reach: Reach, issue: (csr: string, names: string[]) => Promise<string>) {
    this.#reach = reach;
    this.#issue = issue;
  }

  async answer(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { status, type, detail, more } = error;
      const { retryAfter, ...members } = more as { retryAfter?: string };
      const body = JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, ...members });
      return this.#reply(status, body, "application/problem+json", retryAfter ? { "retry-after": retryAfter } : {});
    }
  }

  /** Forgets all accounts, as a server that was set up anew. */
  forgetAccounts(): void {
    this.#accounts.forget();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, kind = "", id = "", which = ""] = pathname.split("/");
    if (kind === "directory") return this.#json(200, this.#directory());
    if (kind === "nonce") return this.#json(request.method === "HEAD" ? 200 : 204, null);
    if (kind === "renewal") return this.#renewal(id);
    this.requests.push(`${request.method} ${kind}`);
    const signed = await this.#verify(request, pathname);
    if (kind === "account") {
      const { status, account } = await this.#accounts.open(signed, this.base, this.behaviour);
      return this.#json(status, shownAccount(account), { location: account.url });
    }
    const { account, payload } = signed;
    if (account === null) throw new Refused(400, "accountDoesNotExist", "no account has this kid");
    const order = this.#orders[Number(id)];
    const authorization = this.#authorizations[Number(id)];
    switch (kind) {
      case "accounts":
        if (payload["contact"] !== undefined) account.contact = payload["contact"];
        return this.#json(200, shownAccount(account));
      case "key-change":
        await this.#accounts.changeKey(payload, account, this.base);
        return this.#json(200, shownAccount(account));
      case "orders":
        return this.#newOrder(account, payload);
      case "order":
        return this.#shown(this.#shownOrder(order!, account));
      case "authorization":
        return this.#shown(this.#shownAuthorization(authorization!));
      case "challenge":
        if (authorization!.verdict === null) await this.#check(authorization!, which, signed.jwk);
        return this.#json(200, this.#shownChallenge(authorization!, which), {
          link: `<${this.#url("authorization", id)}>;rel="up"`,
        });
      case "finalize":
        return await this.#finalize(order!, account, String(payload["csr"]));
      case "certificate":
        return this.#reply(200, await this.behaviour.tamper(order!.certificate!), "application/pem-certificate-chain");
      case "revoke":
        return this.#revoke(String(payload["certificate"]));
      default:
        throw new Refused(404, "malformed", "no such resource");
    }
  }

  #directory() {
    const { terms, externalAccounts, window } = this.behaviour;
    const url = (path: string) => `${this.base}/${path}`;
    return {
      newNonce: url("nonce"),
      newAccount: url("account"),
      newOrder: url("orders"),
      revokeCert: url("revoke"),
      keyChange: url("key-change"),
      ...(window === null ? {} : { renewalInfo: url("renewal") }),
      meta: {
        ...(terms === "" ? {} : { termsOfService: terms }),
        ...(externalAccounts.size === 0 ? {} : { externalAccountRequired: true }),
      },
    };
  }

  /** RFC 8555 §6.2: flattened JWS with its URL and a nonce of ours, signed by a new key or a known account's. */
  async #verify(request: Request, pathname: string): Promise<Signed> {
    if (request.headers.get("content-type") !== "application/jose+json") {
      throw new Refused(415, "malformed", "media type");
    }
    const jws = await request.json();
    const head = headOf(jws);
    if (head.url !== this.base + pathname) throw new Refused(401, "unauthorized", `signed for ${head.url}`);
    const refuse = this.behaviour.refuseNonce;
    const known = this.#nonces.delete(head.nonce ?? "");
    if (!known || (refuse > 0 && ++this.#nonceCount % refuse === 0)) {
      throw new Refused(400, "badNonce", "unknown nonce");
    }
    const account = head.kid === undefined ? null : this.#accounts.find(head.kid);
    if (account === undefined) throw new Refused(400, "accountDoesNotExist", "no account has this kid");
    const jwk = account?.jwk ?? head.jwk!;
    const { payload } = await flattenedVerify(jws, await importJWK(jwk, head.alg));
    const text = new TextDecoder().decode(payload);
    return { payload: text === "" ? {} : JSON.parse(text), jwk, account };
  }

  #newOrder(account: Account, payload: Record<string, unknown>): Response {
    const { problem, forbidden } = this.behaviour;
    if (problem !== null) {
      throw new Refused(problem.status, problem.type, problem.detail, { retryAfter: problem.retryAfter ?? "" });
    }
    const names = (payload["identifiers"] as { value: string }[]).map(({ value }) => value);
    const refused = names.filter((name) => forbidden.includes(name));
    if (refused.length > 0) {
      const subproblems = refused.map((value) => ({
        type: "urn:ietf:params:acme:error:caa",
        detail: "a CAA record forbids it",
        identifier: { type: "dns", value },
      }));
      throw new Refused(403, "rejectedIdentifier", "some names are refused", { subproblems });
    }
    const replaces = String(payload["replaces"] ?? "");
    if (this.replaced.includes(replaces)) throw new Refused(409, "alreadyReplaced", "it has been replaced");
    if (replaces !== "") this.replaced.push(replaces);
    const authorizations = names.map((name): Authorization => ({
      name: name.replace("*.", ""),
      wildcard: name.startsWith("*."),
      token: crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url", omitPadding: true }),
      status: "pending",
      verdict: null,
      failed: null,
      looks: 0,
    }));
    this.#authorizations.push(...authorizations);
    const order: Order = { account, names, authorizations, replaces, certificate: null, looks: 0 };
    this.#orders.push(order);
    return this.#json(201, this.#shownOrder(order, account), { location: this.#url("order", this.#orders.length - 1) });
  }

  async #check(authorization: Authorization, type: string, jwk: JWK): Promise<void> {
    const { name, token } = authorization;
    const detail = await validate(this.#reach, type, name, `${token}.${await calculateJwkThumbprint(jwk)}`);
    authorization.verdict = detail === "" ? "valid" : "invalid";
    if (detail !== "") authorization.failed = { type, detail };
    this.checks.push(`${name} ${authorization.verdict}`);
  }

  async #finalize(order: Order, account: Account, csr: string): Promise<Response> {
    if (this.#shownOrder(order, account).status !== "ready") {
      throw new Refused(403, "orderNotReady", "challenges are open");
    }
    const pem = writePem("CERTIFICATE REQUEST", Uint8Array.fromBase64(csr, { alphabet: "base64url" }));
    const { names } = await readCsr(pem);
    if (names.toSorted().join() !== order.names.toSorted().join()) {
      throw new Refused(403, "badCSR", `it is for ${names}`);
    }
    order.certificate = await this.#issue(pem, order.names);
    return this.#json(200, this.#shownOrder(order, account));
  }

  #revoke(certificate: string): Response {
    const pem = writePem("CERTIFICATE", Uint8Array.fromBase64(certificate, { alphabet: "base64url" }));
    const { serial } = parseCertificate(pem);
    if (this.revoked.includes(serial)) throw new Refused(400, "alreadyRevoked", "it is revoked");
    this.revoked.push(serial);
    return this.#reply(200, null, "application/json");
  }

  #renewal(id: string): Response {
    const known = this.#orders.some(({ certificate }) => certificate !== null && renewalId(certificate) === id);
    if (!known) throw new Refused(404, "malformed", "no such certificate");
    return this.#shown({ suggestedWindow: this.behaviour.window, explanationURL: "https://ca.example/why" });
  }

  #shownOrder(order: Order, account: Account) {
    if (order.account !== account) throw new Refused(403, "unauthorized", "another account's");
    const { authorizations, names, certificate } = order;
    const settled = certificate !== null && order.looks++ > this.behaviour.looks;
    const index = this.#orders.indexOf(order);
    const status = authorizations.some((each) => each.status === "invalid")
      ? "invalid"
      : authorizations.some((each) => each.status === "pending")
      ? "pending"
      : certificate === null
      ? "ready"
      : settled
      ? "valid"
      : "processing";
    return {
      status,
      identifiers: names.map((value) => ({ type: "dns", value })),
      authorizations: authorizations.map((each) => this.#url("authorization", this.#authorizations.indexOf(each))),
      finalize: this.#url("finalize", index),
      ...(settled ? { certificate: this.#url("certificate", index) } : {}),
    };
  }

  #shownAuthorization(authorization: Authorization) {
    const { name, wildcard, verdict } = authorization;
    if (verdict !== null && authorization.looks++ >= this.behaviour.looks) authorization.status = verdict;
    return {
      status: authorization.status,
      identifier: { type: "dns", value: name },
      ...(wildcard ? { wildcard } : {}),
      challenges: this.behaviour.challenges.map((type) => this.#shownChallenge(authorization, type)),
    };
  }

  #shownChallenge(authorization: Authorization, type: string) {
    const { token, status, failed } = authorization;
    const error = failed?.type === type && status === "invalid"
      ? { type: "urn:ietf:params:acme:error:unauthorized", detail: failed.detail }
      : undefined;
    const url = this.#url(`challenge/${this.#authorizations.indexOf(authorization)}`, type);
    return { type, url, token, status, ...(error === undefined ? {} : { error }) };
  }

  #url(kind: string, id: string | number): string {
    return `${this.behaviour.origin || this.base}/${kind}/${id}`;
  }

  #shown(value: object): Response {
    const { retryAfter } = this.behaviour;
    return this.#json(200, value, retryAfter === "" ? {} : { "retry-after": retryAfter });
  }

  #json(status: number, body: unknown, more: Record<string, string> = {}): Response {
    return this.#reply(status, body === null ? null : JSON.stringify(body), "application/json", more);
  }

  /** §6.5: every reply brings a nonce for the next request. */
  #reply(status: number, body: string | null, type: string, more: Record<string, string> = {}): Response {
    const nonce = crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
    this.#nonces.add(nonce);
    const headers = { "replay-nonce": nonce, "content-type": type, "cache-control": "no-store", ...more };
    return new Response(body, { status, headers });
  }
}
