/** What MC-Proxy does once with everything that is configured. Throws when something of it does not come about. */
import { equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { type GrpcClient, grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { FirewallService, ListenerService, RouteService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { adminName } from "../../deploy/local/bootstrap.ts";
import { loopback } from "../../deploy/local/layout.ts";
import { eventually } from "../../services/mcns/testing/name_server.ts";
import type { SandboxBench, StartOptions } from "./bench.ts";
import { backendName, blocked, type McproxyParty, names } from "./mcproxy_party.ts";
import type { StartedProgram } from "./started_program.ts";

/** Only what fails waits so long. */
const patienceMs = 3000;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export class McproxyStory {
  /** Cookie of the last run's visitor of its pages, "name=value". */
  session = "";
  /** Value of the cookie of who signed in for a route. */
  sealed = "";

  constructor(readonly bench: SandboxBench, readonly party: McproxyParty) {}

  /** From an empty data folder to the end of the process. */
  async run(options: StartOptions): Promise<void> {
    const { file } = this.party.config;
    this.party.forget();
    await using program = this.bench.start("mcproxy", options);
    await program.until(/ ready service=/);
    await this.happen();
    await stopped(program);
    match(Deno.readTextFileSync(file("log/access.log")), /"hostname":"web\.test"/);
    for (const socket of ["run/rest.sock", "run/admin.sock"]) ok(!existsSync(file(socket)), `${socket} is left behind`);
  }

  /** With a process that runs, and knows nothing yet. */
  async happen(): Promise<void> {
    await this.#learns();
    await this.#relays();
    await this.#asksForSignIn();
    await this.#passesThrough();
    await this.#blocks();
    await this.#redirects();
    await this.#reports();
    await this.#showsPages();
  }

  /** An answer over HTTPS, by the route of that name. */
  async ask(hostname: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const ca = hostname === names.acme ? this.party.acme.caPem : this.party.authority.root;
    return await this.#https({ address: this.party.config.tls, serverName: hostname, ca }, { path, headers });
  }

  /** A client of the socket in the run folder. */
  routes(): GrpcClient<typeof RouteService> {
    return grpcClient(RouteService, this.#local);
  }

  get #local() {
    return { address: `unix:${this.party.config.file("run/admin.sock")}`, deadlineMs: patienceMs };
  }

  /** From the one who may use its socket: routes, a listener, a rule. */
  async #learns(): Promise<void> {
    const { plainBackend, config } = this.party;
    await using listeners = grpcClient(ListenerService, this.#local);
    await using rules = grpcClient(FirewallService, this.#local);
    await using routes = this.routes();
    await listeners.putListener({ name: "later", address: config.later, kind: "tcp" });
    const certificate = { mode: "l7", tlsCert: "web.pem", tlsKey: "web.key" };
    await routes.putRoute({ listener: "https", hostname: names.web, backends: [plainBackend], ...certificate });
    await routes.putRoute({
      ...{ listener: "https", hostname: names.secure, backends: [config.backends.port], ...certificate },
      ...{ backendProtocol: "tls", backendName },
    });
    await routes.putRoute({
      ...{ listener: "https", hostname: names.acme, mode: "l7", backends: [plainBackend], acme: true },
    });
    await routes.putRoute({
      ...{ listener: "https", hostname: names.web, mode: "l7", path: "/signed-in", backends: [plainBackend] },
      signIn: { allow: ["admin"] },
    });
    for (const listener of ["plain", "later"]) {
      await routes.putRoute({ listener, hostname: "*", mode: "l4", backends: [plainBackend] });
    }
    await rules.putRule({ id: "country", action: "block", countries: [blocked.country] });
  }

  /** Under a certificate of the folder, to the backend with TLS, and under a certificate that it has got itself. */
  async #relays(): Promise<void> {
    equal((await this.ask(names.web, "/a")).text, "plain /a\n");
    equal((await this.ask(names.secure, "/")).text, "secure\n");
    const tried = async () => {
      try {
        return (await this.ask(names.acme, "/b")).text;
      } catch (error) {
        return String(error);
      }
    };
    await eventually(tried, "plain /b\n", patienceMs);
  }

  /** By a token, and by the form. */
  async #asksForSignIn(): Promise<void> {
    const path = "/signed-in";
    equal((await this.ask(names.web, path)).status, 401);
    equal((await this.ask(names.web, path, { authorization: `Bearer ${this.bench.token}` })).text, `plain ${path}\n`);
    const server = { address: this.party.config.tls, serverName: names.web, ca: this.party.authority.root };
    const form = await this.#https(server, { path: "/.mcproxy/sign-in", headers: {} });
    const cookie = (form.headers.get("set-cookie") ?? "").split(";", 1)[0]!;
    const body = new URLSearchParams({
      ...{ username: adminName, password: this.bench.password, next: path },
      csrf_token: cookie.split("=")[1]!,
    }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", cookie };
    const signedIn = await this.#https(server, { path: "/.mcproxy/sign-in", headers, body });
    equal(signedIn.headers.get("location"), path);
    const session = (signedIn.headers.get("set-cookie") ?? "").split(";", 1)[0]!;
    this.sealed = session.split("=")[1]!;
    equal((await this.ask(names.web, path, { cookie: session })).text, `plain ${path}\n`);
  }

  async #passesThrough(): Promise<void> {
    const { tcp, later } = this.party.config;
    for (const address of [tcp, later]) match(await askPlainly(address, "/c"), /plain \/c\n/);
  }

  /** By the country database alone. */
  async #blocks(): Promise<void> {
    equal(await askPlainly(this.party.config.tcp, "/d", blocked.address), "");
  }

  async #redirects(): Promise<void> {
    const answer = await askPlainly(this.party.config.http, "/e");
    match(
      answer,
      new RegExp(`^HTTP/1.1 301 .*\r\nlocation: https://${names.web}:${this.bench.layout.ports.proxy}/e\r\n`, "s"),
    );
  }

  /** On its own port, on its socket, and over gRPC to an admin. */
  async #reports(): Promise<void> {
    const { config } = this.party;
    const signal = AbortSignal.timeout(patienceMs);
    match(await (await fetch(`http://${config.metrics}/metrics`, { signal })).text(), /^mcproxy_/m);
    using local = Deno.createHttpClient({ proxy: { transport: "unix", path: config.file("run/rest.sock") } });
    match(await (await fetch("http://localhost/v1/health", { client: local, signal })).text(), /"serving"/);
    await using routes = grpcClient(RouteService, {
      address: config.admin.grpc,
      ...{ tls: this.bench.tls, token: () => this.bench.token, deadlineMs: patienceMs },
    });
    equal((await routes.listRoutes({})).routes.length, 6);
  }

  /** With a session of MCIAS's. */
  async #showsPages(): Promise<void> {
    const server = { address: this.party.config.admin.rest, ...this.bench.tls };
    const body = new URLSearchParams({ username: adminName, password: this.bench.password }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const signedIn = await this.#https(server, { path: "/sign-in", headers, body });
    this.session = (signedIn.headers.get("set-cookie") ?? "").split(";", 1)[0]!;
    match((await this.#https(server, { path: "/routes", headers: { cookie: this.session } })).text, /secure\.test/);
  }

  async #https(
    server: { address: string; serverName: string; ca: string },
    { path, headers, body }: { path: string; headers: Record<string, string>; body?: string },
  ): Promise<Answer> {
    const client = new HttpsClient({ ...server, timeoutMs: patienceMs });
    try {
      const answer = await client.request({
        ...{ method: body === undefined ? "GET" : "POST", path, headers },
        ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }),
      });
      return { status: answer.status, headers: answer.headers, text: await new Response(answer.body).text() };
    } finally {
      client.close();
    }
  }
}

/** Ends in order. */
export async function stopped(program: StartedProgram): Promise<void> {
  equal(await program.stop(), 0, program.output);
}

/** All that comes back over TCP; "" when the connection is refused service. */
function askPlainly(address: string, path: string, from = loopback): Promise<string> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host, port: Number(port), localAddress: from });
    socket.setTimeout(patienceMs, () => socket.destroy(new Error(`${address} said nothing but ${text}`)));
    socket.setEncoding("latin1").on("data", (more) => text += more);
    socket.on("error", (error: NodeJS.ErrnoException) => error.code === "ECONNRESET" ? resolve("") : reject(error));
    socket.on("close", () => resolve(text));
    socket.end(`GET ${path} HTTP/1.1\r\nHost: ${names.web}\r\nConnection: close\r\n\r\n`);
  });
}
