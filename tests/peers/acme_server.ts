/**
 * A certificate authority that speaks ACME (RFC 8555), as small as real clients bear: it takes accounts and orders,
 * looks the DNS-01 challenge (§8.4) up at a name server, and issues only when the right TXT record is there.
 * For tests of those clients: no public CA can look into a test's zone.
 * @module
 */
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, exportKeyPem, generateKey, readCsr, signLeaf, writePem } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { calculateJwkThumbprint, flattenedVerify, importJWK, type JWK } from "jose";

export interface AcmeServer extends AsyncDisposable {
  /** URL of the directory, on 127.0.0.1 with a certificate of `ca`. */
  readonly directory: string;
  /** PEM file of the CA: of the server's own certificate and of what it issues. */
  readonly ca: string;
  /** What the checks of challenges found, in order: "www.example.org valid". */
  readonly checks: readonly string[];
}

interface Order {
  readonly name: string;
  readonly token: string;
  readonly thumbprint: string;
  status: "pending" | "valid" | "invalid";
  certificate: string | null;
}

/** A request whose signature holds. */
interface Signed {
  readonly payload: Record<string, unknown>;
  readonly thumbprint: string;
  readonly account: string;
}

/** @param lookUp the TXT values at a name */
export async function acmeServer(lookUp: (name: string) => Promise<readonly string[]>): Promise<AcmeServer> {
  const folder = await Deno.makeTempDir({ prefix: "acme-" });
  const root = await createRoot({ name: "ACME test root", days: 10 });
  const key = await generateKey();
  const ca = join(folder, "ca.pem");
  await Deno.writeTextFile(ca, root.certificatePem);
  await Deno.writeTextFile(join(folder, "key.pem"), await exportKeyPem(key));
  await Deno.writeTextFile(
    join(folder, "cert.pem"),
    await signLeaf(root, key.publicKey, { names: ["localhost", "127.0.0.1"] }),
  );
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), log: silentLogger, clock: systemClock };
  const certificates = CertificateFiles.load(files);
  const authority = new Authority(
    lookUp,
    async (csr, names) => await signLeaf(root, csr, { names }) + root.certificatePem,
  );
  const server = await serveHttp({
    address: "127.0.0.1:0",
    tls: certificates,
    log: silentLogger,
    fetch: (request) => authority.answer(request),
  });
  authority.base = `https://${server.address}`;
  return {
    directory: `${authority.base}/directory`,
    ca,
    checks: authority.checks,
    async [Symbol.asyncDispose]() {
      await server.close(1000);
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

class Authority {
  base = "";
  readonly checks: string[] = [];
  readonly #lookUp: (name: string) => Promise<readonly string[]>;
  readonly #issue: (csr: string, names: string[]) => Promise<string>;
  readonly #nonces = new Set<string>();
  readonly #accounts = new Map<string, JWK>();
  readonly #orders: Order[] = [];

  constructor(
    lookUp: (name: string) => Promise<readonly string[]>,
    issue: (csr: string, names: string[]) => Promise<string>,
  ) {
    this.#lookUp = lookUp;
    this.#issue = issue;
  }

  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, kind = "", id = ""] = pathname.split("/");
    if (kind === "directory") return this.#json(200, this.#directory());
    if (kind === "nonce") return this.#json(request.method === "HEAD" ? 200 : 204, null);
    const signed = await this.#verify(request, pathname);
    if (signed === null) return this.#problem(400, "malformed", "the request's signature, URL or nonce is wrong");
    const order = this.#orders[Number(id)];
    switch (kind) {
      case "account":
        return this.#json(201, { status: "valid" }, signed.account);
      case "orders":
        return this.#newOrder(signed);
      case "order":
        return this.#json(200, this.#shownOrder(order!));
      case "authorization":
        return this.#json(200, this.#shownAuthorization(order!));
      case "challenge":
        if (order!.status === "pending") await this.#check(order!);
        return this.#json(
          200,
          this.#shownChallenge(order!),
          undefined,
          `<${this.#url("authorization", order!)}>;rel="up"`,
        );
      case "finalize":
        return await this.#finalize(order!, String(signed.payload["csr"]));
      case "certificate":
        return this.#reply(200, order!.certificate!, "application/pem-certificate-chain");
      default:
        return this.#problem(404, "malformed", "no such resource");
    }
  }

  #directory() {
    const url = (path: string) => `${this.base}/${path}`;
    return {
      newNonce: url("nonce"),
      newAccount: url("account"),
      newOrder: url("orders"),
      revokeCert: url("revoke"),
      keyChange: url("key-change"),
      meta: {},
    };
  }

  /** RFC 8555 §6.2: flattened JWS with its URL and a nonce of ours, signed by a new key or a known account's. */
  async #verify(request: Request, pathname: string): Promise<Signed | null> {
    const jws = await request.json();
    const head = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(jws.protected, { alphabet: "base64url" })));
    if (head.url !== this.base + pathname || !this.#nonces.delete(head.nonce)) return null;
    const jwk: JWK | undefined = head.jwk ?? this.#accounts.get(head.kid);
    if (jwk === undefined) return null;
    const { payload } = await flattenedVerify(jws, await importJWK(jwk, head.alg));
    const thumbprint = await calculateJwkThumbprint(jwk);
    const account = `${this.base}/accounts/${thumbprint}`;
    this.#accounts.set(account, jwk);
    const text = new TextDecoder().decode(payload);
    return { payload: text === "" ? {} : JSON.parse(text), thumbprint, account };
  }

  #newOrder({ payload, thumbprint }: Signed): Response {
    const [identifier] = payload["identifiers"] as { value: string }[];
    const token = crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url", omitPadding: true });
    const order: Order = { name: identifier!.value, token, thumbprint, status: "pending", certificate: null };
    this.#orders.push(order);
    return this.#json(201, this.#shownOrder(order), this.#url("order", order));
  }

  /** §8.4: the TXT record holds the digest of token and account key. */
  async #check(order: Order): Promise<void> {
    const text = new TextEncoder().encode(`${order.token}.${order.thumbprint}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
    const wanted = digest.toBase64({ alphabet: "base64url", omitPadding: true });
    const found = await this.#lookUp(`_acme-challenge.${order.name}`);
    order.status = found.includes(wanted) ? "valid" : "invalid";
    this.checks.push(`${order.name} ${order.status}`);
  }

  async #finalize(order: Order, csr: string): Promise<Response> {
    if (order.status !== "valid") return this.#problem(403, "orderNotReady", "the challenge has not been met");
    const der = Uint8Array.fromBase64(csr, { alphabet: "base64url" });
    const pem = writePem("CERTIFICATE REQUEST", der);
    const { names } = await readCsr(pem);
    if (names.length !== 1 || names[0] !== order.name) return this.#problem(403, "badCSR", `it is for ${names}`);
    order.certificate = await this.#issue(pem, [order.name]);
    return this.#json(200, this.#shownOrder(order), this.#url("order", order));
  }

  #shownOrder(order: Order) {
    const { name, status, certificate } = order;
    return {
      status: certificate !== null ? "valid" : status === "valid" ? "ready" : status,
      identifiers: [{ type: "dns", value: name }],
      authorizations: [this.#url("authorization", order)],
      finalize: this.#url("finalize", order),
      ...(certificate === null ? {} : { certificate: this.#url("certificate", order) }),
    };
  }

  #shownAuthorization(order: Order) {
    const { name, status } = order;
    return { status, identifier: { type: "dns", value: name }, challenges: [this.#shownChallenge(order)] };
  }

  #shownChallenge(order: Order) {
    const { token, status } = order;
    const error = { type: "urn:ietf:params:acme:error:unauthorized", detail: "no TXT record has the right value" };
    const url = this.#url("challenge", order);
    return { type: "dns-01", url, token, status, ...(status === "invalid" ? { error } : {}) };
  }

  #url(kind: string, order: Order): string {
    return `${this.base}/${kind}/${this.#orders.indexOf(order)}`;
  }

  #problem(status: number, type: string, detail: string): Response {
    const body = JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail });
    return this.#reply(status, body, "application/problem+json");
  }

  #json(status: number, body: unknown, location?: string, link?: string): Response {
    return this.#reply(status, body === null ? null : JSON.stringify(body), "application/json", location, link);
  }

  /** §6.5: every reply brings a nonce for the next request. */
  #reply(status: number, body: string | null, type: string, location?: string, link?: string): Response {
    const nonce = crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
    this.#nonces.add(nonce);
    const headers = new Headers({ "replay-nonce": nonce, "content-type": type, "cache-control": "no-store" });
    if (location !== undefined) headers.set("location", location);
    if (link !== undefined) headers.set("link", link);
    return new Response(body, { status, headers });
  }
}
