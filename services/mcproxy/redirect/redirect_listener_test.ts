/** Plain HTTP over real sockets: requests and answers as they are on the wire. */
import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { parseListener } from "../domain/listener.ts";
import type { Guard, Verdict } from "../listening/guard.ts";
import { Networks } from "../listening/networks.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { RawConnection } from "../testing/raw.ts";
import type { AccessEntry } from "../traffic/access_line.ts";
import { Connections } from "../traffic/connections.ts";
import { RedirectListener } from "./redirect_listener.ts";

const token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ";
const yes: Verdict = { allowed: true };

interface Scene extends AsyncDisposable {
  listener: RedirectListener;
  /** For the access log. */
  written: AccessEntry[];
  connect(): Promise<RawConnection>;
  /** One connection: sends, and reads until the other side closes. */
  ask(text: string): Promise<string>;
}

function scene(
  options: { guard?: Partial<Guard>; maxConnections?: number; headMs?: number; from?: string[] } = {},
): Scene {
  const written: AccessEntry[] = [];
  const listener = new RedirectListener({
    listener: parseListener({
      name: "http",
      address: "127.0.0.1:0",
      kind: "http",
      proxyProtocolFrom: options.from ?? [],
    }),
    limits: {
      head: { maxBytes: 4096, maxFields: 20 },
      headMs: options.headMs ?? 5000,
      helloMs: 5000,
      maxConnections: options.maxConnections ?? 100,
    },
    networks: (cidrs) => new Networks(cidrs),
    guard: { connection: () => yes, hello: () => yes, request: () => yes, opened() {}, closed() {}, ...options.guard },
    connections: new Connections(),
    rules: {
      httpsPort: (hostname) => hostname === "www.example.org" ? 443 : hostname === "alt.example.org" ? 8443 : null,
      challengeAnswer: (asked, hostname) => asked === token && hostname === "new.example.org" ? `${token}.print` : null,
    },
    deadlines: new Deadlines(systemClock),
    accessLog: { write: (entry) => void written.push(entry) },
    now: () => Date.UTC(2026, 0, 1),
    log: silentLogger,
  });
  const connect = async () => {
    const [hostname, port] = listener.address.split(":");
    return new RawConnection(await Deno.connect({ hostname: hostname!, port: Number(port) }));
  };
  return {
    listener,
    written,
    connect,
    async ask(text) {
      using connection = await connect();
      await connection.send(text);
      return await connection.rest();
    },
    [Symbol.asyncDispose]: () => listener.close(0),
  };
}

/** Status, and Location or body. */
function outcome(text: string): string {
  const status = text.slice(9, 12);
  return `${status} ${/^location: (.*)\r$/m.exec(text)?.[1] ?? text.slice(text.indexOf("\r\n\r\n") + 4).trimEnd()}`;
}

const close = "Connection: close\r\n";
const rows: [what: string, request: string, expected: string][] = [
  ["GET", `GET /a?b=c HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`, "301 https://www.example.org/a?b=c"],
  ["HEAD", `HEAD / HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`, "301 https://www.example.org/"],
  ["a port in Host", `GET / HTTP/1.1\r\nHost: www.example.org:80\r\n${close}\r\n`, "301 https://www.example.org/"],
  ["capitals and a dot", `GET /A HTTP/1.1\r\nHost: WWW.Example.org.\r\n${close}\r\n`, "301 https://www.example.org/A"],
  [
    "another HTTPS port",
    `GET / HTTP/1.1\r\nHost: alt.example.org\r\n${close}\r\n`,
    "301 https://alt.example.org:8443/",
  ],
  [
    "POST: method and body are kept, the body isn't waited for",
    "POST /form HTTP/1.1\r\nHost: www.example.org\r\nContent-Length: 1000\r\n\r\nabc",
    "308 https://www.example.org/form",
  ],
  ["HTTP/1.0 with Host", "GET / HTTP/1.0\r\nHost: www.example.org\r\n\r\n", "301 https://www.example.org/"],
  ["HTTP/1.0 without", "GET / HTTP/1.0\r\n\r\n", "400 400 Bad Request: no Host"],
  ["HTTP/1.1 without Host", "GET / HTTP/1.1\r\n\r\n", "400 400 Bad Request: no Host"],
  [
    "absolute form",
    `GET http://www.example.org/x HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`,
    "301 https://www.example.org/x",
  ],
  ["absolute form in HTTP/1.0", "GET http://www.example.org HTTP/1.0\r\n\r\n", "301 https://www.example.org/"],
  [
    "absolute form for another host",
    "GET http://evil.example/ HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
    "400 400 Bad Request: Host and request target name different hosts",
  ],
  [
    "a target that would be another host",
    `GET //evil.example/ HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`,
    "301 https://www.example.org//evil.example/",
  ],
  [
    "a user in Host",
    "GET / HTTP/1.1\r\nHost: www.example.org@evil.example\r\n\r\n",
    "400 400 Bad Request: malformed Host",
  ],
  [
    "an unknown host",
    `GET / HTTP/1.1\r\nHost: other.example\r\n${close}\r\n`,
    "421 421 Misdirected Request: this name is not served here",
  ],
  [
    "an address",
    `GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n${close}\r\n`,
    "421 421 Misdirected Request: this name is not served here",
  ],
  ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 400 Bad Request: more than one Host"],
  ["a bare line feed", "GET / HTTP/1.1\nHost: a\n\n", "400 400 Bad Request: line feed without carriage return"],
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "501 501 Not Implemented: method CONNECT"],
  [
    "OPTIONS *",
    `OPTIONS * HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`,
    "400 400 Bad Request: this port redirects to HTTPS, and has nothing else",
  ],
  [
    "both framings",
    "POST / HTTP/1.1\r\nHost: www.example.org\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "400 400 Bad Request: ",
  ],
  [
    "a challenge",
    `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\nHost: new.example.org\r\n${close}\r\n`,
    `200 ${token}.print`,
  ],
  [
    "a challenge of another name",
    `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`,
    "404 404 Not Found: no such challenge is open",
  ],
  [
    "an unknown challenge",
    `GET /.well-known/acme-challenge/../../etc HTTP/1.1\r\nHost: new.example.org\r\n${close}\r\n`,
    "404 404 Not Found: no such challenge is open",
  ],
  [
    "too large a head",
    `GET /${"a".repeat(5000)} HTTP/1.1\r\n`,
    "431 431 Request Header Fields Too Large: head larger than 4096 bytes",
  ],
];

Deno.test("RedirectListener answers each request as the table says", async () => {
  await using at = scene();
  for (const [what, request, expected] of rows) {
    const found = outcome(await at.ask(request));
    if (expected.endsWith(": ")) assert.ok(found.startsWith(expected), `${what}: ${found}`);
    else assert.equal(found, expected, what);
  }
});

Deno.test("RedirectListener's answer is whole: type, length, no cache, date, no HSTS", async () => {
  await using at = scene();
  const body = "301 Moved Permanently: this name is served over HTTPS\n";
  assert.equal(
    await at.ask(`GET / HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`),
    "HTTP/1.1 301 Moved Permanently\r\nlocation: https://www.example.org/\r\nContent-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: ${body.length}\r\nCache-Control: no-store\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n${close}\r\n${body}`,
  );
});

Deno.test("RedirectListener keeps a connection for sixteen requests, and not for one with a body", async () => {
  await using at = scene();
  using connection = await at.connect();
  const request = "GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
  await connection.send(request.repeat(20));
  for (let count = 1; count <= 16; count++) {
    const said = await connection.message();
    assert.match(said, /^HTTP\/1\.1 301/);
    assert.equal(said.includes(close), count === 16, `${count}`);
  }
  assert.equal(await connection.rest(), "");
});

Deno.test("RedirectListener closes connections above its limit and counts them", async () => {
  await using at = scene({ maxConnections: 1 });
  using first = await at.connect();
  await first.send("GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
  await first.message();
  using second = await at.connect();
  assert.match(await second.rest(), /^(<cut>)?$/);
  assert.equal(at.listener.counters.refused.get("too_many_connections"), 1);
});

Deno.test("RedirectListener tells a client that is slow with its head, and closes one that says nothing", async () => {
  await using at = scene({ headMs: 150 });
  using slow = await at.connect();
  using silent = await at.connect();
  await slow.send("GET / HTTP/1.1\r\n");
  assert.match(await slow.rest(), /^HTTP\/1\.1 408 /);
  assert.match(await silent.rest(), /^(<cut>)?$/);
});

Deno.test("RedirectListener asks the firewall, but not for an open challenge", async () => {
  const asked: string[] = [];
  const no: Verdict = { allowed: false, rule: "r", reason: "x", status: 429, retryAfterSeconds: 7 };
  await using at = scene({
    guard: {
      request: ({ listener, hostname, path, userAgent, address }) => {
        asked.push([listener, address, hostname, path, userAgent].join(" "));
        return no;
      },
    },
  });
  const said = await at.ask(`GET /x HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: me\r\n${close}\r\n`);
  assert.match(said, /^HTTP\/1\.1 429 Too Many Requests\r\nretry-after: 7\r\n/);
  assert.deepEqual(asked, ["http 127.0.0.1 www.example.org /x me"]);
  const challenge = `GET /.well-known/acme-challenge/${token} HTTP/1.1\r\nHost: new.example.org\r\n${close}\r\n`;
  assert.match(await at.ask(challenge), /^HTTP\/1\.1 200 /);
  await using shut = scene({ guard: { connection: () => no } });
  assert.match(await shut.ask(challenge), /^(<cut>)?$/);
  assert.equal(shut.listener.counters.refused.get("firewall"), 1);
});

Deno.test("RedirectListener takes the client's address from a proxy that it trusts", async () => {
  const seen: string[] = [];
  await using at = scene({
    from: ["127.0.0.1/32"],
    guard: { opened: (address) => seen.push(address), closed: (address) => seen.push(`-${address}`) },
  });
  const request = `GET / HTTP/1.1\r\nHost: www.example.org\r\n${close}\r\n`;
  assert.match(await at.ask(`PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n${request}`), /^HTTP\/1\.1 301 /);
  assert.doesNotMatch(await at.ask(request), /HTTP/);
  await at.listener.close(0);
  assert.deepEqual(seen, ["192.0.2.7", "-192.0.2.7"]);
});

Deno.test("RedirectListener.close ends idle connections at once and answers one that is new", async () => {
  const at = scene();
  using idle = await at.connect();
  const request = "GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
  await idle.send(request);
  await idle.message();
  using fresh = await at.connect();
  while (at.listener.counters.accepted < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const closed = at.listener.close(5000);
  await idle.rest();
  await fresh.send(request);
  assert.match(await fresh.rest(), /^HTTP\/1\.1 301 [^]*Connection: close/);
  fresh.close();
  await closed;
});

Deno.test("RedirectListener has each answer written to the access log", async () => {
  const refusal: Verdict = { allowed: false, rule: "no-bots", reason: "", status: 403, retryAfterSeconds: 0 };
  await using http = scene({ guard: { request: ({ userAgent }) => userAgent === "bot" ? refusal : yes } });
  await http.ask(
    `HEAD /a?b HTTP/1.0\r\nHost: www.example.org\r\nUser-Agent: curl\r\nX-Request-Id: r1\r\n\r\n`,
  );
  await http.ask(`GET /a HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: bot\r\n${close}\r\n`);
  await http.ask("nonsense\r\n\r\n");
  const common = { client: "127.0.0.1", listener: "http", isTls: false, backend: "" };
  for (const entry of http.written) assert.deepEqual({ ...entry, ...common }, entry);
  const shown = ["hostname", "method", "target", "protocol", "status", "rule", "userAgent"] as const;
  assert.deepEqual(http.written.map((entry) => shown.map((field) => entry[field])), [
    ["www.example.org", "HEAD", "/a?b", "http/1.0", 301, "", "curl"],
    ["www.example.org", "GET", "/a", "http/1.1", 403, "no-bots", "bot"],
    ["", "", "", "http/1.1", 400, "", ""],
  ]);
});
