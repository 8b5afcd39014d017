/** What of what passes through MC-Proxy, or lies with it, must not stand anywhere else; and every way of sending it. */
import { deepEqual, equal } from "node:assert/strict";
import { HttpsClient } from "@lib/http/mod.ts";
import { H2Client } from "../../services/mcproxy/testing/h2.ts";
import { exchange, RawConnection } from "../../services/mcproxy/testing/raw.ts";
import type { SandboxBench } from "./bench.ts";
import { type McproxyParty, names } from "./mcproxy_party.ts";
import type { McproxyStory } from "./mcproxy_story.ts";
import type { Secrets } from "./secrets.ts";

const random = () => crypto.getRandomValues(new Uint8Array(24)).toHex();

/** Sent by clients and backends. */
export const sent = {
  "an Authorization field": random(),
  "a cookie": random(),
  "a query": random(),
  "a body": random(),
  "a cookie that a backend sets": random(),
  "a cookie in a malformed response": random(),
  "a password in a URL": random(),
  "a token that isn't valid": random(),
  "a wrong password": random(),
  "a sign-in cookie that isn't valid": random(),
  "a wrong password at a route's sign-in": random(),
};

/** The keys that MC-Proxy has, by file below its folder. */
export const keyFiles = [
  "certs/web.key",
  "admin-key.pem",
  "data/acme/account.key",
  `data/acme/${names.acme}.key`,
  "data/sign_in.key",
  "eab-key",
] as const;

export function allSecrets(bench: SandboxBench, party: McproxyParty, story: McproxyStory): Secrets {
  const keys = keyFiles.filter((name) => name !== "eab-key" && name !== "data/sign_in.key").flatMap((name) => {
    const pem = Deno.readTextFileSync(party.config.file(name));
    // PEM's lines don't begin where the number does.
    return [[`the key in ${name}`, privateNumber(pem)], [`the key in ${name} as PEM`, pem.split("\n")[1]!]] as const;
  });
  return {
    ...sent,
    ...Object.fromEntries(keys),
    "the HMAC key of the ACME account": party.eabKey,
    "the administrator's password": bench.password,
    "a token": bench.token,
    "a session": story.session.split("=")[1]!,
    "the key of sign-in cookies": Deno.readFileSync(party.config.file("data/sign_in.key")),
    "a sign-in cookie": story.sealed,
  };
}

/** Through routes that work and routes that fail, in requests that are taken and requests that are refused. */
export async function sendSecrets(party: McproxyParty, story: McproxyStory): Promise<void> {
  const { config, authority } = party;
  const fields: Record<string, string> = {
    authorization: `Bearer ${sent["an Authorization field"]}`,
    cookie: `id=${sent["a cookie"]}`,
    "x-cookie": `id=${sent["a cookie that a backend sets"]}`,
  };
  const path = `/private?token=${sent["a query"]}`;
  const head = [`Host: ${names.web}`, ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`)].join(
    "\r\n",
  );
  const withBody = `Content-Length: ${sent["a body"].length}\r\n\r\n${sent["a body"]}`;
  const server = { port: Number(config.tls.split(":")[1]), hostname: names.web, ca: authority.root };

  await using malformed = malformedBackend(`id=${sent["a cookie in a malformed response"]}`);
  await using routes = story.routes();
  const route = { listener: "https", hostname: names.web, mode: "l7" };
  await routes.putRoute({ ...route, path: "/malformed", backends: [malformed.address] });
  await routes.putRoute({ ...route, path: "/down", backends: ["127.0.0.2:1"] });

  const answered = await story.ask(names.web, path, fields);
  equal(answered.headers.get("set-cookie"), fields["x-cookie"]);
  equal((await story.ask(names.web, `/down${path}`, fields)).status, 502);
  equal((await story.ask(names.web, `/malformed${path}`, fields)).status, 502);
  await using h2 = await H2Client.connect(server);
  for (const [before, status] of [["", 200], ["/down", 502], ["/malformed", 502]] as const) {
    const asked = { method: "POST", path: before + path, fields: Object.entries(fields).flat() };
    equal((await h2.ask({ ...asked, body: [sent["a body"]] })).status, status);
  }

  // Refused: what stands in it must not stand in the reason.
  const refused: [request: string, status: number][] = [
    [`GET ${path} HTTP/1.1\r\n${head}\r\n folded\r\n\r\n`, 400],
    [`GET ${path} HTTP/1.1\r\n${head}\r\nContent-Length: 1\r\nContent-Length: ${sent["a cookie"]}\r\n\r\n`, 400],
    [`GET ${path} HTTP/1.1\r\n${head}\r\nTransfer-Encoding: ${sent["a cookie"]}\r\n\r\n`, 400],
    [`GET ${path} HTTP/1.1\r\n${head}\r\nBad ${sent["a cookie"]}: 1\r\n\r\n`, 400],
    [`GET ${path} HTTP/1.1\r\n${head}\r\nLong: ${sent["a cookie"].repeat(1000)}\r\n\r\n`, 431],
    [`GET ${path} HTTP/1.1\r\n${head.replace(names.web, names.secure)}\r\nConnection: close\r\n\r\n`, 421],
    [`GET https://me:${sent["a password in a URL"]}@${names.web}/ HTTP/1.1\r\n${head}\r\n\r\n`, 400],
    [`POST ${path} HTTP/1.1\r\n${head}\r\nConnection: close\r\n${withBody}${withBody}`, 200],
    [`POST ${path} HTTP/1.1\r\n${head}\r\n${withBody}${withBody}`, 200],
    [`${sent["a body"]}\r\n\r\n`, 400],
  ];
  const answers = await Promise.all(refused.map(([request]) => exchange(server, request)));
  deepEqual(answers.map((answer) => Number(answer.slice(9, 12))), refused.map(([, status]) => status));
  await plainly(config.http, `GET ${path} HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`);
  await plainly(config.tcp, `GET ${path} HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`);
  // To the listener for TLS without it.
  await plainly(config.tls, `GET ${path} HTTP/1.1\r\n${head}\r\n\r\n`);
  await plainly(config.metrics, `GET /metrics${path} HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`);
  await atItsPages(story);
  await atItsSignIn(server);
}

/** With a token, a cookie and a password that aren't right. */
async function atItsSignIn(server: { port: number; hostname: string; ca: string }): Promise<void> {
  const start = `Host: ${server.hostname}\r\nConnection: close\r\n`;
  const form = "__Host-mcproxy-form=AAAAAAAAAAAAAAAAAAAAAA";
  const body = new URLSearchParams({
    ...{ username: "admin", password: sent["a wrong password at a route's sign-in"] },
    ...{ csrf_token: form.split("=")[1]!, next: `/?token=${sent["a query"]}` },
  }).toString();
  const rows: [request: string, status: number][] = [
    [`GET /signed-in HTTP/1.1\r\n${start}Authorization: Bearer ${sent["a token that isn't valid"]}\r\n\r\n`, 401],
    [
      `GET /signed-in HTTP/1.1\r\n${start}` +
      `Cookie: __Host-mcproxy-sign-in=${sent["a sign-in cookie that isn't valid"]}\r\n\r\n`,
      401,
    ],
    [
      `POST /.mcproxy/sign-in HTTP/1.1\r\n${start}Cookie: ${form}\r\nContent-Length: ${body.length}\r\n` +
      `Content-Type: application/x-www-form-urlencoded\r\n\r\n${body}`,
      401,
    ],
  ];
  for (const [request, status] of rows) equal(Number((await exchange(server, request)).slice(9, 12)), status);
}

/** With a token and a password that aren't right. */
async function atItsPages({ bench, party }: McproxyStory): Promise<void> {
  const client = new HttpsClient({ address: party.config.admin.rest, ...bench.tls, timeoutMs: 5000 });
  const body = new URLSearchParams({ username: "admin", password: sent["a wrong password"] }).toString();
  try {
    const asked = await client.request({
      ...{ method: "GET", path: `/v1/routes?token=${sent["a query"]}` },
      headers: { authorization: `Bearer ${sent["a token that isn't valid"]}` },
    });
    equal(asked.status, 401);
    await asked.body.cancel();
    const signedIn = await client.request({
      ...{ method: "POST", path: "/sign-in", headers: { "content-type": "application/x-www-form-urlencoded" } },
      body: new TextEncoder().encode(body),
    });
    equal(signedIn.headers.get("set-cookie"), null);
    await signedIn.body.cancel();
  } finally {
    client.close();
  }
}

async function plainly(address: string, text: string): Promise<void> {
  const [hostname = "", port] = address.split(":");
  using client = new RawConnection(await Deno.connect({ hostname, port: Number(port) }));
  await client.send(text);
  await client.rest();
}

/** Its responses hold a field that is none. */
function malformedBackend(cookie: string): { address: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) {
      using client = new RawConnection(conn);
      try {
        await client.message();
        await client.send(`HTTP/1.1 200 OK\r\nSet-Cookie: ${cookie}\r\nBad ${cookie}: 1\r\nContent-Length: 0\r\n\r\n`);
      } catch {
        // Closed without a request.
      }
    }
  })();
  return {
    address: `127.0.0.2:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

/** Of a P-256 key. RFC 5958, RFC 5915: an OCTET STRING of 32 octets. */
function privateNumber(pem: string): Uint8Array {
  const pkcs8 = Uint8Array.fromBase64(pem.replaceAll(/-----[^-]+-----|\s/g, ""));
  const at = pkcs8.findIndex((octet, i) => octet === 4 && pkcs8[i + 1] === 32);
  equal(at > 0, true, "not a P-256 key");
  return pkcs8.slice(at + 2, at + 34);
}
