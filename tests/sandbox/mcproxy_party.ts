/**
 * MC-Proxy with everything configured, and whom it deals with: MCIAS as a real process, an ACME server and backends over
 * real sockets.
 *
 * Everybody has an address of their own, because a backend's grant is one to connect to all of its host's ports: backends at
 * 127.0.0.1 would make every other grant for this machine superfluous, and nothing could be shown.
 *
 * | address   | who                                                                  |
 * | --------- | -------------------------------------------------------------------- |
 * | 127.0.0.1 | MC-Proxy itself, MCIAS, the ACME server, clients                     |
 * | 127.0.0.2 | backends on any port, HTTP/1.1                                       |
 * | 127.0.0.3 | the backend with TLS: one port                                       |
 * | 127.0.0.9 | clients from a country that is blocked                               |
 * @module
 */
import { type AcmeServer, acmeServer } from "@lib/acme/testing/acme_server.ts";
import { type ThrowawayCa, throwawayCa } from "@lib/testing/mod.ts";
import { loopback } from "../../deploy/local/layout.ts";
import { country, writeMmdb } from "../../services/mcproxy/firewall/testing/mmdb_writer.ts";
import { freePort } from "../peers/http_proxies.ts";
import type { SandboxBench } from "./bench.ts";
import { eabKeyId, type FullConfig, fullConfig } from "./mcproxy_full_config.ts";

/** Where the country's clients come from. */
export const blocked = { address: "127.0.0.9", country: "ZW" };

/** Name in the certificate of the backend with TLS. */
export const backendName = "backend.test";

/** Names of routes: with a certificate from the folder, to the backend with TLS, with a certificate by ACME. */
export const names = { web: "web.test", secure: "secure.test", acme: "acme.test" };

export class McproxyParty implements AsyncDisposable {
  /** HMAC key for the account with the ACME server. */
  readonly eabKey = crypto.getRandomValues(new Uint8Array(32));
  readonly #others = new AsyncDisposableStack();
  config!: FullConfig;
  acme!: AcmeServer;
  /** Issuer of what lies in the certificate folder and of the backend with TLS. */
  authority!: ThrowawayCa;
  /** Of the backend without TLS, "host:port". */
  plainBackend = "";

  private constructor(readonly bench: SandboxBench) {}

  /** The others started, the bench with the administrator's token, and MC-Proxy's config where the bench has it. */
  static async gather(bench: SandboxBench): Promise<McproxyParty> {
    const party = new McproxyParty(bench);
    try {
      party.#others.use(await bench.serving("mcias"));
      await bench.logIn();
      await party.#gather();
      return party;
    } catch (error) {
      await party[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Nothing of earlier runs: MC-Proxy makes its database, its account with the ACME server and its logs anew. */
  forget(): void {
    for (const name of ["data", "log"]) {
      const folder = this.config.file(name);
      Deno.removeSync(folder, { recursive: true });
      Deno.mkdirSync(folder, { mode: 0o700 });
    }
    this.acme.authority.forgetAccounts();
  }

  /** A new certificate in the folder. */
  async certify(): Promise<void> {
    const { cert, key } = await this.authority.issue([names.web, names.secure]);
    this.#replace("certs/web.key", key);
    this.#replace("certs/web.pem", cert);
  }

  /** A new country database. */
  renewCountries(): void {
    this.#replace("countries.mmdb", writeMmdb([[`${blocked.address}/32`, country(blocked.country)]]));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#others.disposeAsync();
  }

  async #gather(): Promise<void> {
    const { ports, srv, pki } = this.bench.layout;
    const file = (name: string) => srv("mcproxy", name);
    this.authority = await throwawayCa();
    this.acme = this.#others.use(await acmeServer({ tlsPort: ports.proxy }));
    const eabKey = this.eabKey.toBase64({ alphabet: "base64url", omitPadding: true });
    this.acme.authority.behaviour.externalAccounts = new Map([[eabKeyId, eabKey]]);

    const plain = this.#serve("127.0.0.2", (request) => {
      const { pathname } = new URL(request.url);
      // Secrets go both ways.
      return new Response(`plain ${pathname}\n`, { headers: { "set-cookie": request.headers.get("x-cookie") ?? "" } });
    });
    const secure = this.#serve("127.0.0.3", () => new Response("secure\n"), await this.authority.issue([backendName]));
    this.plainBackend = plain;
    this.config = {
      tls: `${loopback}:${ports.proxy}`,
      tcp: `${loopback}:${freePort()}`,
      http: `${loopback}:${freePort()}`,
      later: `${loopback}:${freePort()}`,
      metrics: `${loopback}:${ports.proxyMetrics}`,
      admin: { rest: `${loopback}:${freePort()}`, grpc: `${loopback}:${freePort()}` },
      mcias: `${loopback}:${ports.mcias.grpc}`,
      backends: { host: "127.0.0.2", port: secure },
      acme: { address: this.acme.address, directory: this.acme.directory },
      file,
    };
    for (const name of ["data", "log", "certs", "run"]) Deno.mkdirSync(file(name), { recursive: true, mode: 0o700 });
    await this.certify();
    Deno.writeTextFileSync(file("backends-ca.pem"), this.authority.root);
    Deno.writeTextFileSync(file("acme-ca.pem"), this.acme.caPem);
    Deno.writeTextFileSync(file("eab-key"), `${eabKey}\n`, { mode: 0o600 });
    Deno.copyFileSync(pki.root, file("mcias-ca.pem"));
    for (const part of ["cert", "key"]) Deno.copyFileSync(srv("mcr", `tls/${part}.pem`), file(`admin-${part}.pem`));
    this.renewCountries();
    Deno.writeTextFileSync(file("mcproxy.toml"), fullConfig(this.config));
  }

  #replace(name: string, content: string | Uint8Array): void {
    const path = this.config.file(name);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(`${path}.new`, bytes, { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  }

  /** @returns "host:port" */
  #serve(hostname: string, answer: (request: Request) => Response, tls: { cert: string; key: string } | object = {}) {
    const server = this.#others.use(Deno.serve({ hostname, port: 0, onListen() {}, ...tls }, answer));
    return `${hostname}:${server.addr.port}`;
  }
}
