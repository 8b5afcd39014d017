/** What MCNS does once with everything that is configured. Throws when something of it does not come about. */
import { equal, match, ok } from "node:assert/strict";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { adminName } from "../../deploy/local/bootstrap.ts";
import { query, type QueryOptions, show } from "../../services/mcns/testing/dig_notation.ts";
import { askUdp, DnsStreamClient } from "../../services/mcns/testing/dns_client.ts";
import { eventually } from "../../services/mcns/testing/name_server.ts";
import type { SandboxBench, StartOptions } from "./bench.ts";
import { client, type McnsParty, tsig } from "./mcns_party.ts";
import type { StartedProgram } from "./started_program.ts";

/** Only what fails waits so long. */
const patienceMs = 2000;

export class McnsStory {
  #runs = 0;

  constructor(readonly bench: SandboxBench, readonly party: McnsParty) {}

  /** From an empty data folder to the end of the process. */
  async run(options: StartOptions): Promise<void> {
    this.party.forget();
    await using program = this.bench.start("mcns", options);
    await program.until(/ ready service=/);
    await this.happen();
    await stopped(program);
    ok(Deno.statSync(this.party.config.file("data/cache.bin")).size > 0);
  }

  /** With a process that runs, and knows nothing yet. */
  async happen(): Promise<void> {
    // The peer has had the zones of earlier runs, with serials that a new database only begins with.
    const zone = `own-${++this.#runs}.test`;
    await this.#takesZones();
    await this.#answersOwn(zone);
    await this.#givesZone(zone);
    await this.#forwards();
    await this.#showsPages();
    const { bench, party } = this;
    await using zones = grpcClient(ZoneService, {
      address: party.config.grpc,
      ...{ tls: bench.tls, token: () => bench.token, deadlineMs: patienceMs },
    });
    equal((await zones.listZones({})).zones.length, 4);
  }

  /** From the peer, over TCP and over TLS. */
  async #takesZones(): Promise<void> {
    const { peer } = this.party;
    await this.#rest("POST /v1/tsig-keys", { name: tsig.name, algorithm: "hmac-sha256", secret: tsig.secret });
    for (const [zone, address, tlsName] of [["tcp.test", peer.dns, ""], ["tls.test", peer.dot, "localhost"]] as const) {
      await this.#rest("POST /v1/zones", { name: zone, kind: "secondary", primaries: [address] });
      await this.#rest(`PUT /v1/zones/${zone}/transfer`, {
        primaries: [{ address, tsig_key: tsig.name, tls_name: tlsName }],
      });
      const { error } = await this.#rest(`POST /v1/zones/${zone}/refresh`, {});
      equal(error, "");
      match(await this.#askUdp(`www.${zone}`), /A 192\.0\.2\.3$/m);
    }
  }

  /** One zone by view, the client over UDP alone being inside, and a signed one by TCP, TLS and HTTPS. */
  async #answersOwn(zone: string): Promise<void> {
    const { dns, dot, rest } = this.party.config;
    for (const name of ["views.test", zone]) {
      await this.#rest("POST /v1/zones", { name });
      await this.#rest(`PUT /v1/zones/${name}/records`, { name: "www", type: "A", values: ["192.0.2.80"] });
    }
    await this.#rest("PUT /v1/zones/views.test/records", {
      ...{ name: "www", type: "A", values: ["192.0.2.90"], view: "inside" },
    });
    match(await this.#askUdp("www.views.test"), /A 192\.0\.2\.90$/m);
    match(await askStream(dns, "www.views.test"), /A 192\.0\.2\.80$/m);
    const { signed } = await this.#rest(`PUT /v1/zones/${zone}/dnssec`, {});
    equal(signed, true);
    const signedAnswer = /A 192\.0\.2\.80\n.* RRSIG A /;
    match(await askStream(dns, `www.${zone}`), signedAnswer);
    match(await askStream(dot, `www.${zone}`, this.bench.tls), signedAnswer);
    using https = this.#https(rest);
    const asked = await https.client.request({
      method: "POST",
      path: "/dns-query",
      headers: { "content-type": "application/dns-message" },
      body: query(`www.${zone}`, { edns: 1232, dnssecOk: true }),
    });
    match(show(new Uint8Array(await new Response(asked.body).arrayBuffer())), signedAnswer);
  }

  /** To the peer: it is told of the zone, comes for it, and answers it. */
  async #givesZone(zone: string): Promise<void> {
    const { peer } = this.party;
    this.party.follow(zone);
    await this.#rest(`PUT /v1/zones/${zone}/transfer`, {
      // The second: whence the peer comes for it.
      secondaries: [
        { address: peer.dns, tsig_key: tsig.name },
        { address: "127.0.0.1/32", tsig_key: tsig.name },
      ],
    });
    await eventually(
      async () => {
        const { notifies } = await this.#rest(`POST /v1/zones/${zone}/refresh`, {});
        return (notifies as { acknowledged: boolean }[]).map(({ acknowledged }) => acknowledged);
      },
      [true],
      patienceMs,
    );
    await eventually(async () => /A 192\.0\.2\.80$/m.test(await ask(peer.dns, `www.${zone}`)), true, patienceMs);
  }

  /** To the upstream over TLS, and by UDP what that has no answer to; what is blocked is not. */
  async #forwards(): Promise<void> {
    match(await this.#askUdp("www.secure.test"), /A 192\.0\.2\.2$/m);
    match(await this.#askUdp("www.plain.test"), /A 192\.0\.2\.1$/m);
    // Block lists are read beside the start.
    await eventually(async () => /^NXDOMAIN/.test(await this.#askUdp("blocked.plain.test")), true, patienceMs);
  }

  /** With a session of MCIAS's. */
  async #showsPages(): Promise<void> {
    using https = this.#https(this.party.config.rest);
    const seen = async (path: string, body: string | null, headers: Record<string, string>) => {
      const answer = await https.client.request({
        ...{ method: body === null ? "GET" : "POST", path },
        headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
        ...(body === null ? {} : { body: new TextEncoder().encode(body) }),
      });
      return { cookie: answer.headers.get("set-cookie") ?? "", html: await new Response(answer.body).text() };
    };
    const form = new URLSearchParams({ username: adminName, password: this.bench.password });
    const { cookie } = await seen("/sign-in", form.toString(), {});
    this.session = cookie.split(";", 1)[0]!;
    match((await seen("/zones", null, { cookie: this.session })).html, /tcp\.test/);
  }

  /** Cookie of the last run's visitor, "name=value". */
  session = "";

  #https(address: string): { client: HttpsClient } & Disposable {
    const client = new HttpsClient({ address, ...this.bench.tls, timeoutMs: 5000 });
    return { client, [Symbol.dispose]: () => client.close() };
  }

  async #rest(call: string, body: unknown): Promise<Record<string, unknown>> {
    return JSON.parse(await this.bench.rest("mcns", call, body)) as Record<string, unknown>;
  }

  #askUdp(name: string): Promise<string> {
    return ask(this.party.config.dns, name, client);
  }
}

/** Ends in order. */
export async function stopped(program: StartedProgram): Promise<void> {
  equal(await program.stop(), 0, program.output);
}

async function ask(server: string, name: string, from?: string): Promise<string> {
  const reply = await askUdp(server, query(name), patienceMs, from);
  return reply === null ? "" : show(reply);
}

async function askStream(server: string, name: string, tls?: { serverName: string; ca: string }): Promise<string> {
  const options: QueryOptions = { edns: 1232, dnssecOk: true };
  await using stream = await DnsStreamClient.connect(server, tls);
  await stream.ask(query(name, options));
  const reply = await stream.next();
  return reply === null ? "" : show(reply);
}
