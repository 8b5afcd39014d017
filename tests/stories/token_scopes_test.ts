/** A token with scopes on a whole platform: an ACME client's hooks do their work with it, and it opens nothing else. */
import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { playSession } from "@lib/testing/mod.ts";
import { root, run, TestPlatform } from "../platform.ts";
import { logIn, type Part, rest } from "./rest_call.ts";

const scope = "mcns:record:example.org:_acme-challenge.**:TXT";

Deno.test("a token for _acme-challenge TXT serves an ACME client, and nothing else takes it", async (t) => {
  await using platform = await TestPlatform.start();
  const { ca, mcns, mcns_grpc } = platform.file;
  const admin = await logIn(platform);
  const call = (part: Part, call: string, token: string, body?: unknown) =>
    rest(platform, part, { call, token, ...(body === undefined ? {} : { body }) });
  equal((await platform.mcnsctl("zone", "add", "example.org")).code, 0);
  const issued = await call("mcias", "POST /v1/accounts/mcp-agent/tokens", admin, { scopes: [scope] });
  equal(issued.status, 200, issued.text);
  const token = String(issued.body.token);
  const tokenFile = join(platform.data, "..", "acme-token");
  Deno.writeTextFileSync(tokenFile, `${token}\n`, { mode: 0o600 });

  const replyTo = async (name: string, type: string) => {
    const { body } = await call("mcns", `GET /v1/explain?name=${name}&type=${type}`, admin);
    return (body.answer as string[]).map((line) => line.split(" ").slice(4).join(" ")).toSorted();
  };
  const hook = (name: string, domain: string, validation: string) =>
    run(join(root, "deploy/examples/certbot", name), [], {
      env: {
        MCNS_URL: mcns,
        MCNS_ZONE: "example.org",
        MCNS_TOKEN_FILE: tokenFile,
        MCNS_CA: ca,
        CERTBOT_DOMAIN: domain,
        CERTBOT_VALIDATION: validation,
      },
    });

  await t.step("certbot's hooks set challenges beside each other, and each clears its own", async () => {
    for (const validation of ["first_-", "second"]) {
      const { code, stdout, stderr } = await hook("set_challenge_rest.sh", "www.example.org", validation);
      equal(code, 0, stdout + stderr);
    }
    deepEqual(await replyTo("_acme-challenge.www.example.org", "TXT"), ['"first_-"', '"second"']);
    equal((await hook("clear_challenge_rest.sh", "www.example.org", "first_-")).code, 0);
    deepEqual(await replyTo("_acme-challenge.www.example.org", "TXT"), ['"second"']);
    const outside = await hook("set_challenge_rest.sh", "www.example.net", "third");
    equal(outside.code, 22);
    match(outside.stdout, /must be in zone example\.org/);
    doesNotMatch(outside.stdout + outside.stderr, new RegExp(token.split(".")[2]!));
  });

  await t.step("mcnsctl with that token says what it may do, and why not more", () => {
    const remote = `--server ${mcns_grpc} --ca ${ca} --token-file ${tokenFile}`;
    return playSession(
      `
$ mcnsctl whoami ${remote}
account     mcp-agent
type        system
may change  TXT at _acme-challenge.** in example.org
$ mcnsctl record list example.org --name _acme-challenge.www --type TXT ${remote}
NAME                 TTL  TYPE  VALUE     EXPIRES
_acme-challenge.www   60  TXT   "second"  …
$ mcnsctl record set example.org www A 192.0.2.1 ${remote}
mcnsctl: Cannot change A at "www" in example.org with this token: it is limited to TXT at _acme-challenge.** in example.org
[1]
$ mcnsctl export example.org ${remote}
mcnsctl: Cannot call mcns.v1.ZoneService.ExportZoneInPieces with this token of "mcp-agent": it is limited to the scopes ${scope}
  Take a token without scopes.
[1]
`,
      { mcnsctl: (...words) => run(Deno.execPath(), ["task", "--quiet", "mcnsctl", ...words]) },
    );
  });

  await t.step("no other part takes it, and each says why", async () => {
    const said =
      /Cannot (call \S+|use this service|look inside) with this token of \\?"mcp-agent\\?": it is limited to/;
    for (
      const [part, path] of [
        ["mcias", "GET /v1/accounts"],
        ["metacrypt", "GET /v1/ca"],
        ["agent", "GET /v1/services"],
        ["mcns", "GET /v1/stats"],
      ] as const
    ) {
      const { status, body, text } = await call(part, path, token);
      deepEqual([status, body.rule], [403, "token-scopes"], `${part} ${text}`);
      match(text, said, part);
    }
    // The registry takes a token in a password's place.
    const registry = `https://${platform.file.mcr.replace("https://", "")}/v2/token`;
    const login = await run("curl", ["--silent", "--cacert", ca, "--user", `mcp-agent:${token}`, registry]);
    match(login.stdout, /"DENIED"/);
    match(login.stdout, said);
    const inside = ["--header", "x-forwarded-for: 192.0.2.1", "--header", `authorization: Bearer ${token}`];
    const metrics = await run("curl", ["--silent", "--cacert", ca, ...inside, `${mcns}/metrics`]);
    match(metrics.stdout, said);
    // Who asks MCIAS without a word on scopes is told that the token isn't good.
    const validate = async (body: unknown) =>
      (await rest(platform, "mcias", { call: "POST /v1/token/validate", body })).body;
    equal((await validate({ token })).valid, false);
    const known = await validate({ token, takes_scopes: true });
    deepEqual((known.identity as Record<string, unknown>).scopes, [scope]);
  });

  await t.step("renewed it is as narrow, and given back it is gone", async () => {
    const renewed = await call("mcias", "POST /v1/auth/renew", token, {});
    equal(renewed.status, 200, renewed.text);
    const next = String(renewed.body.token);
    equal((await call("mcias", "GET /v1/accounts", token)).status, 401);
    const list = (query: string) => call("mcns", `GET /v1/zones/example.org/records${query}`, next);
    equal((await list("?name=_acme-challenge.www&type=TXT")).status, 200);
    equal((await list("")).status, 403);
    const { body } = await call("mcias", "GET /v1/accounts/mcp-agent/tokens", admin);
    const shown = (body.tokens as Record<string, unknown>[]).map(({ scopes, revoked_at }) => [scopes, !revoked_at]);
    deepEqual(shown.slice(0, 2), [[[scope], true], [[scope], false]]);
    equal((await call("mcias", "POST /v1/auth/logout", next, {})).status, 200);
    equal((await call("mcias", "POST /v1/auth/renew", next, {})).status, 401);
  });
});
