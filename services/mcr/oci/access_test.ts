import assert from "node:assert/strict";
import { decodeJwt, SignJWT, UnsecuredJWT } from "jose";
import { grpcClient } from "@lib/grpc/mod.ts";
import { PolicyService } from "@proto/mcr/v1/mcr_pb.ts";
import { imageManifest, registryUnderTest, serverName, type World } from "../testing/test_registry.ts";
import { mciasToken, password } from "../testing/test_identity.ts";

const basic = (username: string, secret: string) => ({ authorization: `Basic ${btoa(`${username}:${secret}`)}` });
const accessOf = (token: string) => decodeJwt(token).access;

function post(world: World, form: Record<string, string>) {
  return world.call("POST /v2/token", {
    as: null,
    body: new URLSearchParams(form).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
}

Deno.test("without a token every path answers 401 with the endpoint that gives one", async () => {
  await using world = await registryUnderTest();
  const rows: [string, string][] = [
    ["GET /v2/", ""],
    ["GET /v2/a/b/manifests/v1", ',scope="repository:a/b:pull"'],
    ["PUT /v2/a/b/manifests/v1", ',scope="repository:a/b:push"'],
    ["DELETE /v2/a/b/manifests/v1", ',scope="repository:a/b:delete"'],
    ["HEAD /v2/a/b/blobs/sha256:0", ',scope="repository:a/b:pull"'],
    ["POST /v2/a/b/blobs/uploads/", ',scope="repository:a/b:push"'],
    ["GET /v2/a/b/tags/list", ',scope="repository:a/b:pull"'],
    ["GET /v2/a/b/referrers/sha256:0", ',scope="repository:a/b:pull"'],
    ["GET /v2/_catalog", ',scope="registry:catalog:*"'],
  ];
  for (const [line, scope] of rows) {
    const { status, code, headers } = await world.call(line, { as: null, headers: { host: "127.0.0.1:18131" } });
    assert.equal(status, 401);
    if (!line.startsWith("HEAD")) assert.equal(code, "UNAUTHORIZED");
    assert.equal(
      headers.get("www-authenticate"),
      `Bearer realm="https://127.0.0.1:18131/v2/token",service="${serverName}"${scope}`,
    );
    assert.equal(headers.get("docker-distribution-api-version"), "registry/2.0");
  }
  for (const host of ["mcr.svc.mcp.metacircular.net:8443", "[::1]:443", "localhost"]) {
    const { headers } = await world.call("GET /v2/", { as: null, headers: { host } });
    assert.ok(headers.get("www-authenticate")!.startsWith(`Bearer realm="https://${host}/v2/token"`));
  }
  for (const host of ["a:99999", "-a", "a:b", ":80", "[::1"]) {
    const { status } = await world.call("GET /v2/", { as: null, headers: { host } });
    assert.equal(status, 400, host);
  }
});

Deno.test("the token endpoint proves passwords and MCIAS tokens, both by GET and by POST", async () => {
  await using world = await registryUnderTest();
  const scope = "repository:mcq:pull,push";
  const get = (headers: Record<string, string>) => world.call(`GET /v2/token?scope=${scope}`, { as: null, headers });
  const refused = [401, "UNAUTHORIZED"];
  const rows: [string, Record<string, string>, unknown[]][] = [
    ["a password", basic("ulla", password), [200, ""]],
    ["a human's MCIAS token", basic("ulla", mciasToken("ulla")), [200, ""]],
    ["a system account's MCIAS token", basic("mcq", mciasToken("mcq")), [200, ""]],
    ["nothing", {}, refused],
    ["a wrong password", basic("ulla", "wrong"), refused],
    ["an unknown name", basic("nobody", password), refused],
    ["no password", basic("ulla", ""), refused],
    ["another's token under one's own name", basic("ulla", mciasToken("mcq")), refused],
    ["a token that MCIAS doesn't know", basic("ulla", mciasToken("nobody")), refused],
    ["a Basic that isn't base64", { authorization: "Basic !!!" }, refused],
    ["a Basic without a colon", { authorization: `Basic ${btoa("ulla")}` }, refused],
    ["a bearer token", { authorization: `Bearer ${mciasToken("ulla")}` }, refused],
    ["a password of a megabyte", basic("ulla", "x".repeat(9000)), refused],
  ];
  for (const [name, headers, expected] of rows) {
    const { status, code, headers: answered } = await get(headers);
    assert.deepEqual([status, code], expected, name);
    if (status === 401) assert.match(answered.get("www-authenticate")!, /^Basic realm=/);
  }

  const forms: [string, Record<string, string>, unknown[]][] = [
    ["a password", { grant_type: "password", username: "ulla", password }, [200, ""]],
    ["a token as password", { grant_type: "password", username: "mcq", password: mciasToken("mcq") }, [200, ""]],
    ["a refresh token", { grant_type: "refresh_token", refresh_token: mciasToken("mcq") }, [200, ""]],
    ["a wrong password", { grant_type: "password", username: "ulla", password: "wrong" }, refused],
    ["a bad refresh token", { grant_type: "refresh_token", refresh_token: mciasToken("nobody") }, refused],
    ["another grant", { grant_type: "authorization_code" }, [400, "UNSUPPORTED"]],
    ["another service", { grant_type: "password", username: "ulla", password, service: "other" }, [400, "UNSUPPORTED"]],
    ["a form of 100 KB", { grant_type: "password", username: "x".repeat(100_000) }, [413, "SIZE_INVALID"]],
  ];
  for (const [name, form, expected] of forms) {
    const { status, code, text } = await post(world, { scope, client_id: "docker", ...form });
    assert.deepEqual([status, code], expected, name);
    if (status === 200) {
      const { access_token, token_type, scope: granted, expires_in } = JSON.parse(text);
      assert.equal(typeof access_token, "string");
      assert.deepEqual([token_type, expires_in], ["Bearer", 300]);
      assert.equal(granted, form.username === "ulla" ? "repository:mcq:pull" : "repository:mcq:pull,push");
    }
    if (code === "UNAUTHORIZED") assert.equal(JSON.parse(text).error, "invalid_grant");
  }
});

Deno.test("a login that gives no refresh token ends at once; one that does keeps its MCIAS token", async () => {
  await using world = await registryUnderTest();
  await world.token("ulla");
  assert.deepEqual(world.identity.loggedOut, [mciasToken("ulla")]);
  const { text } = await world.call("GET /v2/token?offline_token=true&account=ulla", {
    as: null,
    headers: basic("ulla", password),
  });
  assert.equal(world.identity.loggedOut.length, 1);
  const { refresh_token } = JSON.parse(text);
  assert.equal((await post(world, { grant_type: "refresh_token", refresh_token })).status, 200);
  // A token that the client brought is its own to end.
  await world.token("mcq");
  assert.equal(world.identity.loggedOut.length, 1);
  world.identity.revoke(refresh_token);
  assert.equal((await post(world, { grant_type: "refresh_token", refresh_token })).status, 401);
});

Deno.test("a token carries exactly what policy grants of what was asked", async () => {
  await using world = await registryUnderTest();
  const repo = (name: string, ...actions: string[]) => ({ type: "repository", name, actions });
  const rows: [string, string[], unknown[]][] = [
    ["ulla", ["repository:a/b:pull,push"], [repo("a/b", "pull")]],
    ["ulla", ["repository:a/b:push"], []],
    ["ulla", ["repository:a/b:*"], [repo("a/b", "pull")]],
    ["gus", ["repository:a/b:pull"], []],
    ["ada", ["repository:a/b:push,pull"], [repo("a/b", "pull", "push")]],
    ["ada", ["repository:a/b:*"], [repo("a/b", "pull", "push", "delete")]],
    ["mcq", ["repository:mcq:pull,push,delete"], [repo("mcq", "pull", "push")]],
    ["mcq", ["repository:mcq/sub/x:push"], [repo("mcq/sub/x", "push")]],
    ["mcq", ["repository:mcqx:push", "repository:x/mcq:push", "repository:other:pull"], []],
    ["mcp-agent", ["repository:any/thing:pull,push"], [repo("any/thing", "pull")]],
    ["mcp-agent", ["repository:mcp-agent:push"], [repo("mcp-agent", "push")]],
    // A mount asks for two, in one parameter or in two.
    ["ada", ["repository:a:pull,push repository:b:pull"], [repo("a", "pull", "push"), repo("b", "pull")]],
    ["ulla", ["repository:a:pull", "repository:b:pull"], [repo("a", "pull"), repo("b", "pull")]],
    ["ulla", ["registry:catalog:*"], [{ type: "registry", name: "catalog", actions: ["*"] }]],
    ["ulla", [], []],
    // Nothing that isn't known is granted, to an admin neither.
    ["ada", ["repository:a/b:admin", "registry:everything:*", "repository(plugin):a:pull", "nonsense", "a:b"], []],
  ];
  for (const [username, scopes, access] of rows) {
    assert.deepEqual(accessOf(await world.token(username, ...scopes)), access, `${username} ${scopes}`);
  }
});

Deno.test("a token does what it carries and nothing else", async () => {
  await using world = await registryUnderTest();
  await world.blob("mcq", "{}");
  await world.call("PUT /v2/mcq/manifests/v1", { body: imageManifest("{}", []) });
  const bearer = async (username: string, ...scopes: string[]) => ({
    as: null,
    headers: { authorization: `Bearer ${await world.token(username, ...scopes)}` },
  });

  // What policy would allow is asked for again with the scope; what it would not is denied with the reason.
  const narrow = await world.call("GET /v2/mcq/manifests/v1", await bearer("ulla", "repository:other:pull"));
  assert.deepEqual([narrow.status, narrow.code], [401, "UNAUTHORIZED"]);
  assert.match(narrow.headers.get("www-authenticate")!, /scope="repository:mcq:pull",error="insufficient_scope"$/);
  const push = await world.call("POST /v2/mcq/blobs/uploads/", await bearer("ulla", "repository:mcq:pull,push"));
  assert.deepEqual([push.status, push.code], [403, "DENIED"]);
  assert.match(push.text, /\\"ulla\\" may not push \\"mcq\\": no rule allows it/);
  const guest = await world.call("GET /v2/mcq/tags/list", await bearer("gus", "repository:mcq:pull"));
  assert.equal(guest.status, 403);
  const agent = await world.call("GET /v2/mcq/manifests/v1", await bearer("mcp-agent", "repository:mcq:pull"));
  assert.equal(agent.status, 200);

  await using policy = grpcClient(PolicyService, {
    address: world.registry.grpcAddress,
    tls: { ca: world.ca, serverName },
    token: () => mciasToken("ada"),
  });
  // A new rule reaches the next token.
  const { rule } = {
    rule: { priority: 5, effect: "allow", roles: ["user"], actions: ["push"], resources: ["mcq"], enabled: true },
  };
  const made = await policy.putRule({ rule });
  const allowed = await world.call("POST /v2/mcq/blobs/uploads/", await bearer("ulla", "repository:mcq:pull,push"));
  assert.equal(allowed.status, 202);
  const deny = await policy.putRule({ rule: { ...rule, priority: 1, effect: "deny", actions: [] } });
  const denied = await world.call("POST /v2/mcq/blobs/uploads/", await bearer("ulla", "repository:mcq:pull,push"));
  assert.match(denied.text, new RegExp(`rule \\\\"${deny.id}\\\\" denies it`));
  await policy.deleteRule({ id: deny.id });
  await policy.deleteRule({ id: made.id });
});

Deno.test("tokens that were not given out here, have run out or were changed are refused", async () => {
  await using world = await registryUnderTest();
  const good = await world.token("ada", "repository:a:pull");
  const claims = decodeJwt(good);
  const jwk = JSON.parse(await Deno.readTextFile(`${world.folder}/data/token-key.jwk`));
  assert.equal((await Deno.stat(`${world.folder}/data/token-key.jwk`)).mode! & 0o777, 0o600);
  const ours = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
  const signed = (change: Record<string, unknown>, key: CryptoKey = ours) =>
    new SignJWT({ ...claims, ...change }).setProtectedHeader({ alg: "EdDSA", kid: jwk.kid }).sign(key);
  const [head = "", body = "", signature = ""] = good.split(".");
  const publicBytes = new TextEncoder().encode(JSON.stringify({ kty: "OKP", crv: "Ed25519", x: jwk.x }));
  const hmac = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(publicBytes);
  const now = Math.floor(world.clock.now() / 1000);
  const rows: [string, string, number][] = [
    ["as given out", good, 200],
    ["signed by us", await signed({}), 200],
    ["for another service", await signed({ aud: "other" }), 401],
    ["of another issuer", await signed({ iss: "other" }), 401],
    ["run out", await signed({ exp: now - 1 }), 401],
    ["not good yet", await signed({ nbf: now + 60 }), 401],
    ["without an end", await signed({ exp: undefined }), 401],
    ["signed by another key", await signed({}, pair.privateKey), 401],
    ["unsigned", new UnsecuredJWT(claims).encode(), 401],
    ["HS256 with the public key", hmac, 401],
    ["another body", `${head}.${body.slice(0, -4)}AAAA.${signature}`, 401],
    ["no token at all", "abc", 401],
    ["an MCIAS token", mciasToken("ada"), 401],
    ["endless", `${good}${"A".repeat(31_000)}`, 401],
  ];
  for (const [name, token, status] of rows) {
    const answer = await world.call("GET /v2/", { as: null, headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, status, name);
    if (status === 401) assert.match(answer.headers.get("www-authenticate")!, /error="invalid_token"/);
  }
  const basicAtV2 = await world.call("GET /v2/", { as: null, headers: basic("ada", password) });
  assert.equal(basicAtV2.status, 401);

  const before = { as: null, headers: { authorization: `Bearer ${good}` } };
  await world.restart();
  assert.equal((await world.call("GET /v2/", before)).status, 200, "the key outlives the process");
  world.clock.advance(299_000);
  assert.equal((await world.call("GET /v2/", before)).status, 200);
  world.clock.advance(2_000);
  assert.equal((await world.call("GET /v2/", before)).status, 401, "its cached verification ends with it");
});

Deno.test("MCIAS down is 503 with the reason; tokens that are out go on working", async () => {
  await using world = await registryUnderTest();
  const token = await world.token("ulla", "repository:a:pull");
  world.identity.down = true;
  for (const secret of [password, mciasToken("ulla")]) {
    const { status, code, text } = await world.call("GET /v2/token", { as: null, headers: basic("ulla", secret) });
    assert.deepEqual([status, code], [503, "UNAVAILABLE"]);
    assert.match(text, /MCIAS does not answer at 127.0.0.1:18102. Try again shortly/);
  }
  const form = { grant_type: "refresh_token", refresh_token: mciasToken("ulla") };
  assert.equal((await post(world, form)).status, 503);
  const base = await world.call("GET /v2/", { as: null, headers: { authorization: `Bearer ${token}` } });
  assert.equal(base.status, 200);
});
