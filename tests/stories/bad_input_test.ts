/** What people and programs get wrong, and what they are told. One platform for all rows. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createCsr, exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { layoutOf } from "../../deploy/local/layout.ts";
import { rootOf } from "../../deploy/local/pki.ts";
import { type Ran, serviceZone, TestPlatform } from "../platform.ts";
import { answering, definition, pushProgram, registry, writeDefinition } from "./bundles.ts";
import { DnsAsker } from "./dns_asker.ts";
import { leftOf } from "./holdings.ts";
import { logIn, type Part, rest, type RestAnswer } from "./rest_call.ts";

const good = `${registry}/well:v1`;
const zeros = `sha256:${"0".repeat(64)}`;

/** A definition and what `mcp deploy` says of it; FILE stands for the definition's path, DIGEST for the digest of well:v1. */
const definitions: [what: string, toml: string, code: number, stderr: string][] = [
  [
    "an unknown key, with its line and the nearest known one",
    definition("unknown-key", good).replace("\n[[components]]", '\nnodde = "x"\n[[components]]'),
    2,
    'mcp: FILE:2: nodde: unknown key. Did you mean "node"?',
  ],
  [
    "the tag latest",
    definition("latest", `${registry}/well:latest`),
    2,
    `mcp: FILE:4: components[0].image: has the tag "latest", which says nothing about what will run: "${registry}/well:latest". Name a version, e.g. ":v1.0.0"`,
  ],
  [
    "two routes of a name",
    definition("two-routes", good, '[[components.routes]]\nname = "other"\nport = 443\nmode = "l7"\n'),
    2,
    'mcp: FILE:11: components[0].routes[1].port: port 443 of the service\'s name is taken by route "main". Give one of them another port or hostname',
  ],
  [
    "a name of another service",
    definition("thief", good).replace('mode = "l7"', `mode = "l7"\nhostname = "mcias.${serviceZone}"`),
    1,
    `mcp: Service "thief" can't answer as mcias.${serviceZone}: that name is another's\n  Within ${serviceZone} its names are thief.${serviceZone} and those below`,
  ],
  [
    "an image that is not in the registry",
    definition("missing-image", `${registry}/well:v9`),
    1,
    'mcp: Cannot pull well:v9: MCR refuses: Cannot pull manifest well:v9: the registry answered 404 (MANIFEST_UNKNOWN: No manifest "v9" in repository "well"). Push it first, or name one that is there',
  ],
  [
    "a digest that the tag doesn't have",
    definition("wrong-digest", `${registry}/well:v1@${zeros}`),
    1,
    `mcp: Cannot pull well:v1: its digest is DIGEST, and the definition wants ${zeros}. The tag was moved, or the digest is mistyped: write the right one, or none`,
  ],
  [
    "a digest that nothing has",
    definition("no-digest", `${registry}/well@${zeros}`),
    1,
    `mcp: Cannot pull well: MCR refuses: Cannot pull manifest well@${zeros}: the registry answered 404 (MANIFEST_UNKNOWN: No manifest "${zeros}" in repository "well"). Push it first, or name one that is there`,
  ],
  [
    "an image of another registry",
    definition("elsewhere", "docker.example.org/well:v1"),
    2,
    `mcp: components[0].image: must be in the platform's registry ${registry}, got "docker.example.org"`,
  ],
];

interface Call {
  what: string;
  part: Part;
  call: string;
  body?: unknown;
  /** Whose token; default: the administrator's. */
  as?: "admin" | "system" | "nobody" | "tampered" | "revoked" | "expired";
  status: number;
  detail: string;
}

const records = `/v1/zones/${serviceZone}/records`;
const calls: Call[] = [
  {
    what: "MCNS: an A record for a name",
    part: "mcns",
    call: `POST ${records}`,
    body: { name: "taken", type: "A", value: "127.0.0.1", ttl: 60 },
    status: 200,
    detail: "",
  },
  {
    what: "MCNS: a CNAME beside it",
    part: "mcns",
    call: `POST ${records}`,
    body: { name: "taken", type: "CNAME", value: "other.example.org", ttl: 60 },
    status: 409,
    detail: 'Cannot add CNAME "taken": an A record exists at that name',
  },
  {
    what: "MCNS: a system account's record for another's name",
    part: "mcns",
    call: `POST ${records}`,
    as: "system",
    body: { name: "taken", type: "A", value: "127.0.0.2", ttl: 60 },
    status: 403,
    detail:
      `Cannot change A "taken" in ${serviceZone}: system account "robot" may only change "robot" and TXT "_acme-challenge.robot" in ${serviceZone}`,
  },
  {
    what: "MCNS: a system account's record for its own name",
    part: "mcns",
    call: `POST ${records}`,
    as: "system",
    body: { name: "robot", type: "A", value: "127.0.0.2", ttl: 60 },
    status: 200,
    detail: "",
  },
  {
    what: "MCNS: a JSON body over 1 MiB",
    part: "mcns",
    call: `POST ${records}`,
    body: { name: "x".repeat(1024 * 1024), type: "A", value: "127.0.0.1" },
    status: 413,
    detail: "The request body is larger than 1048576 bytes",
  },
  {
    what: "MCIAS: a JSON body over 1 MiB, of nobody",
    part: "mcias",
    call: "POST /v1/auth/login",
    as: "nobody",
    body: { username: "admin", password: "x".repeat(1024 * 1024) },
    status: 413,
    detail: "The request body is larger than 1048576 bytes",
  },
  {
    what: "MCNS: not JSON",
    part: "mcns",
    call: `POST ${records}`,
    body: '{"name": ',
    status: 400,
    detail: "body: not JSON in UTF-8: Unexpected end of JSON input",
  },
  {
    what: "MCNS: an unknown field",
    part: "mcns",
    call: `POST ${records}`,
    body: { name: "x", tipe: "A" },
    status: 400,
    detail: 'tipe: unknown field of CreateRecordRequest. Did you mean "type"?',
  },
  ...(["mcns", "agent", "metacrypt"] as const).flatMap((part): Call[] =>
    (["nobody", "tampered", "revoked", "expired"] as const).map((as) => ({
      what: `${part}: ${as === "nobody" ? "no token" : `a token that is ${as}`}`,
      part,
      call: { mcns: "GET /v1/zones", agent: "GET /v1/services", metacrypt: "GET /v1/ca" }[part],
      as,
      status: 401,
      detail: as === "nobody"
        ? "Authentication required; log in and send the token as a bearer token"
        : "The token is unknown, expired or revoked; log in again",
    }))
  ),
];

function refuses({ code, stdout, stderr }: Ran, expected: { code: number; stderr: string }): void {
  deepEqual({ stdout, stderr: stderr.trim(), code }, { stdout: "", ...expected });
}

/** Without the request's id, which is another every time. */
function same({ status, body }: RestAnswer) {
  const { request_id: _, ...rest } = body;
  return { status, ...rest };
}

Deno.test("the platform refuses bad input and says why", async (t) => {
  await using platform = await TestPlatform.start();
  const admin = await logIn(platform);
  const as = async (call: string, body?: unknown) => {
    const answer = await rest(platform, "mcias", { call, token: admin, body });
    ok(answer.status < 300, `${call}: ${answer.text}`);
    return answer.body;
  };
  await as("POST /v1/accounts", { username: "robot", account_type: "system" });
  const issue = async (more = {}) => String((await as("POST /v1/accounts/robot/tokens", more)).token);
  const [system, expired, revoked] = [await issue(), await issue({ ttl_seconds: "1" }), await issue()];
  const issuedExpired = performance.now();
  const validated = await rest(platform, "mcias", { call: "POST /v1/token/validate", body: { token: revoked } });
  const { token_id } = validated.body.identity as { token_id: string };
  await as("POST /v1/accounts/robot/tokens/revoke", { token_id });
  // A character in the middle of the signature: the last one has bits that count for nothing.
  const at = system.length - 20;
  const tampered = system.slice(0, at) + (system[at] === "A" ? "B" : "A") + system.slice(at + 1);
  const tokens = { admin, system, expired, revoked, tampered };
  const digest = await pushProgram(platform, "well", "v1", answering(200));

  for (const [what, toml, code, stderr] of definitions) {
    await t.step(`mcp deploy refuses ${what}`, async () => {
      const name = /^name = "(.*)"/.exec(toml)![1]!;
      const path = writeDefinition(platform, name, toml);
      refuses(await platform.mcp("deploy", name), {
        code,
        stderr: stderr.replace("FILE", path).replace("DIGEST", digest),
      });
      deepEqual(await leftOf(platform, name), []);
    });
  }

  for (const { what, part, call, body, as = "admin", status, detail } of calls) {
    await t.step(`${what}: ${status}`, async () => {
      if (as === "expired") {
        // Seconds are all that a token's end has.
        const left = 2100 - (performance.now() - issuedExpired);
        if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      }
      const token = as === "nobody" ? {} : { token: tokens[as] };
      const answer = await rest(platform, part, { call, ...token, ...(body === undefined ? {} : { body }) });
      deepEqual({ status: answer.status, detail: answer.body.detail ?? "" }, { status, detail });
    });
  }

  await t.step("a wrong password and an unknown user get the same answer", async () => {
    const login = (username: string) =>
      rest(platform, "mcias", { call: "POST /v1/auth/login", body: { username, password: "not the password" } });
    const wrong = same(await login("admin"));
    deepEqual(wrong, {
      status: 401,
      title: "Unauthenticated",
      detail: "Wrong username or password",
      code: "unauthenticated",
    });
    deepEqual(same(await login("nobody")), wrong);
  });

  await t.step("a guest can't deploy", async () => {
    const password = "a guest's long password";
    await as("POST /v1/accounts", { username: "visitor", account_type: "human", roles: ["guest"], password });
    const file = `${platform.data}/visitor-password`;
    Deno.writeTextFileSync(file, password);
    equal((await platform.mcp("login", "--user", "visitor", "--password-file", file)).code, 0);
    writeDefinition(platform, "uninvited", definition("uninvited", good));
    const deployed = await platform.mcp("deploy", "uninvited");
    equal((await platform.mcp("logout")).code, 0);
    refuses(deployed, {
      code: 1,
      stderr: 'mcp: Account "visitor" may not call this operation: it takes role user or admin, or a system account',
    });
    deepEqual(await leftOf(platform, "uninvited"), []);
  });

  await t.step("a service that is never well is taken back whole", async () => {
    await pushProgram(platform, "unwell", "v1", answering(500));
    writeDefinition(platform, "unwell", definition("unwell", `${registry}/unwell:v1`));
    const { code, stderr } = await platform.mcp("deploy", "unwell");
    equal(code, 1);
    match(
      stderr,
      /Component web of unwell is not healthy within 2000 ms: 127\.0\.0\.1:\d+\/healthz answered 500 answer 500/,
    );
    deepEqual(await leftOf(platform, "unwell"), []);
  });

  await t.step("a version that is never well leaves the one before in its place", async () => {
    writeDefinition(platform, "well", definition("well", good));
    equal((await platform.mcp("deploy", "well")).code, 0);
    const host = `well.${serviceZone}`;
    equal((await platform.curl(host)).stdout, "answer 200\n");
    const before = (await leftOf(platform, "well")).length;
    writeDefinition(platform, "well", definition("well", `${registry}/unwell:v1`));
    equal((await platform.mcp("deploy", "well")).code, 1);
    equal((await platform.curl(host)).stdout, "answer 200\n");
    equal(
      (await leftOf(platform, "well")).length,
      before,
      "what it holds: one process, port, route, record, certificate",
    );
  });

  await t.step("what is not DNS and not TLS is dropped, and the next one is answered", async () => {
    const [hostname = "", port = ""] = platform.file.dns.split(":");
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    for (
      const bytes of [[], [1], Array(12).fill(255), [0, 1, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0xc0, 12], Array(600).fill(7)]
    ) {
      await socket.send(Uint8Array.from(bytes), { transport: "udp", hostname, port: Number(port) });
    }
    socket.close();
    const dns = new DnsAsker(platform.file.dns);
    deepEqual(await dns.ask(`well.${serviceZone}`), { rcode: 0, addresses: ["127.0.0.1"] });
    await dns.close();

    const [proxyHost = "", proxyPort = ""] = platform.file.proxy.split(":");
    const hellos: [sent: string, answer: RegExp][] = [
      ["GET / HTTP/1.1\r\nHost: well\r\n\r\n", /^"HTTP\/1\.1 400 Bad Request\\r\\n/],
      ["\x16\x03\x01\xff\xff\x01", /^"(\\u0015|")/],
      ["\0".repeat(2000), /^"(\\u0015|")/],
    ];
    for (const [sent, expected] of hellos) {
      using conn = await Deno.connect({ hostname: proxyHost, port: Number(proxyPort) });
      await conn.write(new TextEncoder().encode(sent));
      await conn.closeWrite();
      const answer = new Uint8Array(1000);
      const read = await conn.read(answer).catch(() => null) ?? 0;
      // Escaped: 21 is a TLS alert, the only answer besides none.
      match(JSON.stringify(new TextDecoder().decode(answer.subarray(0, read))), expected);
    }
    equal((await platform.curl(`well.${serviceZone}`)).stdout, "answer 200\n");
  });

  await t.step("an expired certificate and one for another name are refused, by what is wrong with them", async () => {
    const root = await rootOf(layoutOf(platform.data, platform.base));
    const [cert, key] = ["cert.pem", "key.pem"].map((name) => platform.srv("mcpagent", "tls", name)) as [
      string,
      string,
    ];
    const kept = [Deno.readTextFileSync(cert), Deno.readTextFileSync(key)] as const;
    const present = async (names: string[], notAfter: Date) => {
      const pair = await generateKey();
      const csr = await createCsr({ key: pair, names });
      // The root is some seconds old, and nothing that it signs is older, but for the minute that clocks may differ by.
      const notBefore = new Date(Date.now() - 50_000);
      Deno.writeTextFileSync(key, await exportKeyPem(pair));
      Deno.writeTextFileSync(cert, await signLeaf(root, csr, { names, notBefore, notAfter }));
    };
    const saysSoon = async (pattern: RegExp) => {
      // The agent looks at its files every five seconds.
      const end = performance.now() + 20_000;
      for (;;) {
        const { stdout, stderr } = await platform.mcp("ps");
        if (pattern.test(stdout + stderr)) return;
        if (performance.now() > end) match(stdout + stderr, pattern);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    };
    await present(["other.example.org"], new Date(Date.now() + 3_600_000));
    await saysSoon(/The certificate of \S+ is not for "localhost": it has "other\.example\.org"/);
    await present([`mcp-agent.${serviceZone}`, "localhost", "127.0.0.1"], new Date(Date.now() + 8_000));
    // An expired one is not taken up; one in use may end.
    await saysSoon(/expired at/);
    Deno.writeTextFileSync(key, kept[1]);
    Deno.writeTextFileSync(cert, kept[0]);
    await saysSoon(/^well +web +running/m);
  });
});
