import assert from "node:assert/strict";
import { HttpsClient, serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { ask, echo, type Script, ScriptedResponder } from "../../testing/scripted_responder.ts";
import { dohRoute } from "./doh.ts";

interface Heard {
  status: number;
  headers: Headers;
  octets: Uint8Array;
  text: string;
}

interface UnderTest extends AsyncDisposable {
  responder: ScriptedResponder;
  request(method: string, path: string, body?: Uint8Array, contentType?: string): Promise<Heard>;
}

async function underTest(script: Script = {}): Promise<UnderTest> {
  const folder = await Deno.makeTempDir({ prefix: "mcns-" });
  const ca = await throwawayCa();
  const files = await writeIssued(folder, await ca.issue(["dns.test", "127.0.0.1"]));
  const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0 });
  const responder = new ScriptedResponder(script);
  const route = dohRoute(responder);
  const server = await serveHttp({
    address: "127.0.0.1:0",
    tls: certificates,
    log: silentLogger,
    fetch: async (request, info) => await route(request, info) ?? new Response("not DNS", { status: 404 }),
  });
  const client = new HttpsClient({ address: server.address, serverName: "dns.test", ca: ca.root });
  return {
    responder,
    async request(method, path, body, contentType = "application/dns-message") {
      const headers = { "content-type": contentType };
      const { status, headers: got, body: stream } = await client.request({
        method,
        path,
        ...(body === undefined ? {} : { body, headers }),
      });
      const octets = await new Response(stream).bytes();
      return { status, headers: got, octets, text: new TextDecoder().decode(octets) };
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close(1000);
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const get = (packet: Uint8Array) => `/dns-query?dns=${packet.toBase64({ alphabet: "base64url", omitPadding: true })}`;

/** A reply with an A record of that TTL in each section given: answer, authority (an SOA there). */
function reply(packet: Uint8Array, { rcode = 0, answers = [] as number[], denial = [] as number[] } = {}): Uint8Array {
  const soa = [1, 0, 1, 0, ...new Array<number>(20).fill(0)];
  const record = (
    type: number,
    ttl: number,
    data: number[],
  ) => [0, 0, type, 0, 1, 0, 0, 0, ttl, 0, data.length, ...data];
  const octets = [
    ...echo(packet),
    ...answers.flatMap((ttl) => record(1, ttl, [192, 0, 2, 1])),
    ...denial.flatMap((ttl) => record(6, ttl, [0, 0, ...soa.slice(4)])),
  ];
  octets[3] = rcode;
  octets[7] = answers.length;
  octets[9] = denial.length;
  return Uint8Array.from(octets);
}

Deno.test("dohRoute answers GET and POST with the reply, and HEAD without", async () => {
  await using test = await underTest({ later: (packet) => Promise.resolve(echo(packet)) });
  for (const label of ["now", "later"]) {
    const packet = ask(label, 5);
    for (const heard of [await test.request("GET", get(packet)), await test.request("POST", "/dns-query", packet)]) {
      assert.equal(heard.status, 200);
      assert.equal(heard.headers.get("content-type"), "application/dns-message");
      assert.deepEqual(heard.octets, Uint8Array.from(echo(packet)));
    }
  }
  const head = await test.request("HEAD", get(ask("now")));
  assert.deepEqual([head.status, head.octets.length], [200, 0]);
  assert.equal(head.headers.get("content-length"), String(ask("now").length));
  assert.deepEqual(test.responder.clients[0], { address: "127.0.0.1", port: 0, transport: "https" });
});

Deno.test("dohRoute leaves other paths to other routes", async () => {
  await using test = await underTest();
  assert.equal((await test.request("GET", "/dns-queryx?dns=AAAA")).text, "not DNS");
});

Deno.test("dohRoute lets a GET be kept for the smallest TTL, a denial for its SOA's", async () => {
  const cases: [string, Parameters<typeof reply>[1], string][] = [
    ["answers", { answers: [200, 60, 250] }, "max-age=60"],
    ["denial", { denial: [30] }, "max-age=30"],
    ["nxdomain", { rcode: 3, denial: [30] }, "max-age=30"],
    ["chain", { rcode: 3, answers: [10], denial: [30] }, "max-age=10"],
    ["servfail", { rcode: 2, answers: [60] }, "no-store"],
    ["refused", { rcode: 5 }, "no-store"],
    ["nothing", {}, "no-store"],
  ];
  const script: Script = Object.fromEntries(
    cases.map(([label, content]) => [label, (packet) => Promise.resolve(reply(packet, content))]),
  );
  await using test = await underTest(script);
  for (const [label, , want] of cases) {
    const { headers } = await test.request("GET", get(ask(label)));
    assert.equal(headers.get("cache-control"), want, label);
  }
  const posted = await test.request("POST", "/dns-query", ask("answers"));
  assert.equal(posted.headers.get("cache-control"), "no-store");
});

Deno.test("dohRoute says what is wrong with a request", async () => {
  await using test = await underTest({
    broken: () => 0,
    empty: () => Promise.resolve(new Uint8Array()),
    async *zone(packet) {
      yield await Promise.resolve(echo(packet));
    },
  });
  const long = new Uint8Array(65_536);
  for (
    const [method, path, status, detail, body, contentType] of [
      ["GET", "/dns-query", 400, "dns: is missing"],
      ["GET", "/dns-query?dns=AA%3D%3D", 400, "dns: must be base64url"],
      ["GET", "/dns-query?dns=A", 400, "dns: must be base64url"],
      ["GET", get(ask("broken")), 400, "dns: must be a DNS query"],
      ["POST", "/dns-query", 400, "body: must be a DNS query", ask("empty")],
      ["PUT", "/dns-query", 405, "use GET or POST", ask("n")],
      ["POST", "/dns-query", 413, "A DNS message is larger than 65535 bytes", long],
      ["POST", "/dns-query", 415, "content-type must be application/dns-message", ask("n"), "text/plain"],
      ["GET", get(ask("zone")), 501, "a zone transfer needs TCP or TLS"],
    ] as [string, string, number, string, Uint8Array?, string?][]
  ) {
    const heard = await test.request(method, path, body, contentType);
    assert.equal(heard.status, status, `${method} ${path}: ${heard.text}`);
    assert.ok(JSON.parse(heard.text).detail.startsWith(detail), heard.text);
    if (status === 405) assert.equal(heard.headers.get("allow"), "GET, HEAD, POST");
  }
  assert.equal((await test.request("POST", "/dns-query", ask("n"), "Application/DNS-Message; x=y")).status, 200);
});
