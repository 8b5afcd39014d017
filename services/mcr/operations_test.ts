import assert from "node:assert/strict";
import { grpcClient } from "@lib/grpc/mod.ts";
import { AdminService, AuditService, PolicyService, RepositoryService } from "@proto/mcr/v1/mcr_pb.ts";
import { imageManifest, registryUnderTest, serverName, sha256, type World } from "./testing/test_registry.ts";
import { mciasToken, password } from "./testing/test_identity.ts";

/** Clients of every service of the registry, as this account. */
function clients(world: World, username: string) {
  const options = {
    address: world.registry.grpcAddress,
    tls: { ca: world.ca, serverName },
    token: () => mciasToken(username),
  };
  const all = {
    repositories: grpcClient(RepositoryService, options),
    policy: grpcClient(PolicyService, options),
    audit: grpcClient(AuditService, options),
    admin: grpcClient(AdminService, options),
  };
  return {
    ...all,
    async [Symbol.asyncDispose]() {
      for (const client of Object.values(all)) await client.close();
    },
  };
}

async function push(world: World, repository: string, ...tags: string[]): Promise<void> {
  await world.blob(repository, "{}");
  for (const tag of tags) {
    await world.call(`PUT /v2/${repository}/manifests/${tag}`, { body: imageManifest("{}", []) });
  }
}

Deno.test("repositories and tags are listed to those who may pull them, in pages", async () => {
  await using world = await registryUnderTest();
  await push(world, "a/b", "v1");
  await push(world, "mcq", "v1", "v2", "v3");
  await using user = clients(world, "ulla");
  const first = await user.repositories.listRepositories({ pageSize: 1 });
  assert.deepEqual(first.repositories.map(({ name, tagCount, manifestCount }) => ({ name, tagCount, manifestCount })), [
    { name: "a/b", tagCount: 1, manifestCount: 1 },
  ]);
  const second = await user.repositories.listRepositories({ pageSize: 1, pageToken: first.nextPageToken });
  assert.deepEqual([second.repositories[0]?.name, second.nextPageToken], ["mcq", ""]);

  const tags = await user.repositories.listTags({ repository: "mcq", pageSize: 2 });
  const digest = sha256(imageManifest("{}", []));
  assert.deepEqual(tags.tags.map(({ name, digest }) => ({ name, digest })), [{ name: "v1", digest }, {
    name: "v2",
    digest,
  }]);
  const rest = await user.repositories.listTags({ repository: "mcq", pageSize: 2, pageToken: tags.nextPageToken });
  assert.deepEqual([rest.tags.map(({ name }) => name), rest.nextPageToken], [["v3"], ""]);

  await using system = clients(world, "mcq");
  assert.deepEqual((await system.repositories.listRepositories({})).repositories.map(({ name }) => name), ["mcq"]);
  await assert.rejects(system.repositories.listTags({ repository: "a/b" }), { code: "denied", rule: "default-deny" });
  await assert.rejects(user.repositories.listTags({ repository: "none" }), { code: "not_found" });
  await assert.rejects(user.repositories.listTags({ repository: "Not A Name" }), {
    code: "invalid",
    field: "repository",
  });
});

Deno.test("policy rules are the admin's to see, make, try and remove", async () => {
  await using world = await registryUnderTest();
  await using admin = clients(world, "ada");
  const ids = async () => (await admin.policy.listRules({})).rules.map(({ id }) => id);
  const seeds = ["seed-agent-pulls", "seed-system-accounts-own", "seed-users-pull"];
  assert.deepEqual(await ids(), seeds);
  const check = (username: string, accountType: string, roles: string[], action: string, resource: string) =>
    admin.policy.checkPolicy({ username, accountType, roles, action, resource });
  const rows: [Parameters<typeof check>, boolean, string][] = [
    [["ulla", "human", ["user"], "pull", "x"], true, "seed-users-pull"],
    [["ulla", "human", ["user"], "push", "x"], false, ""],
    [["gus", "human", ["guest"], "pull", "x"], false, ""],
    [["ada", "human", ["admin"], "delete", "x"], true, ""],
    [["mcq", "system", [], "push", "mcq"], true, "seed-system-accounts-own"],
    [["mcq", "system", [], "push", "mcq/a/b"], true, "seed-system-accounts-own"],
    [["mcq", "system", [], "push", "mcqx"], false, ""],
    [["mcq", "system", [], "delete", "mcq"], false, ""],
    [["mcp-agent", "system", [], "pull", "any/thing"], true, "seed-agent-pulls"],
    // A role means nothing on a system account.
    [["mcq", "system", ["admin"], "push", "x"], false, ""],
  ];
  for (const [request, allowed, ruleId] of rows) {
    const decision = await check(...request);
    assert.deepEqual([decision.allowed, decision.ruleId], [allowed, ruleId], `${request}: ${decision.reason}`);
  }
  await assert.rejects(check("ulla", "human", [], "eat", "x"), { code: "invalid", field: "action" });
  await assert.rejects(check("ulla", "robot", [], "pull", "x"), { code: "invalid", field: "account_type" });

  const rule = {
    priority: 10,
    effect: "deny",
    accounts: ["ulla"],
    actions: ["pull"],
    resources: ["secret/**"],
    enabled: true,
  };
  const { id } = await admin.policy.putRule({ rule });
  assert.equal((await check("ulla", "human", ["user"], "pull", "secret/x")).ruleId, id);
  await admin.policy.putRule({ rule: { ...rule, id, enabled: false } });
  assert.equal((await check("ulla", "human", ["user"], "pull", "secret/x")).allowed, true);
  await admin.policy.deleteRule({ id });
  await assert.rejects(admin.policy.deleteRule({ id }), { code: "not_found" });
  await assert.rejects(admin.policy.putRule({}), { code: "invalid", field: "rule" });
  await assert.rejects(admin.policy.putRule({ rule: { ...rule, actions: ["eat"] } }), /rule.actions\[0\]/);

  // As the README writes it.
  const put = await world.call("PUT /v1/policy/rules", {
    as: null,
    headers: { authorization: `Bearer ${mciasToken("ada")}`, "content-type": "application/json" },
    body: JSON.stringify({
      rule: {
        priority: 100,
        effect: "allow",
        roles: ["user"],
        actions: ["push"],
        resources: ["team/**"],
        enabled: true,
      },
    }),
  });
  assert.equal(put.status, 200, put.text);
  assert.equal((await check("ulla", "human", ["user"], "push", "team/a")).ruleId, JSON.parse(put.text).id);
  await admin.policy.deleteRule({ id: JSON.parse(put.text).id });

  // A removed seed stays removed.
  await admin.policy.deleteRule({ id: "seed-users-pull" });
  await world.restart();
  await using again = clients(world, "ada");
  assert.deepEqual((await again.policy.listRules({})).rules.map((one) => one.id), seeds.slice(0, 2));
});

Deno.test("pushes, deletes, policy changes and refusals are in the audit log, secrets are not", async () => {
  await using world = await registryUnderTest();
  await push(world, "mcq", "v1");
  const digest = sha256(imageManifest("{}", []));
  await world.call(`DELETE /v2/mcq/manifests/v1`);
  await world.call(`DELETE /v2/mcq/manifests/${digest}`);
  await world.call(`DELETE /v2/mcq/blobs/${sha256("{}")}`);
  await world.call("POST /v2/mcq/blobs/uploads/", { as: "ulla" });
  await world.call("GET /v2/token", { as: null, headers: { authorization: `Basic ${btoa("ulla:not her password")}` } });
  await using admin = clients(world, "ada");
  await admin.policy.putRule({ rule: { id: "r", priority: 1, effect: "deny", enabled: false } });
  await admin.policy.deleteRule({ id: "r" });

  const { events } = await admin.audit.listEvents({});
  assert.deepEqual(
    events.map(({ actor, action, target, outcome }) => `${actor} ${action} ${target} ${outcome}`).reverse(),
    [
      "ada push mcq:v1 ok",
      "ada tag.delete mcq:v1 ok",
      `ada manifest.delete mcq@${digest} ok`,
      `ada blob.delete mcq@${sha256("{}")} ok`,
      "ulla push mcq denied",
      " token  unauthenticated",
      "ada policy.put r ok",
      "ada policy.delete r ok",
    ],
  );
  assert.ok(events.every(({ remote }) => remote.startsWith("127.0.0.1")));
  const text = JSON.stringify(events, (_, value) => typeof value === "bigint" ? String(value) : value);
  for (const secret of ["not her password", password, mciasToken("ada")]) assert.ok(!text.includes(secret));
  assert.equal((await admin.audit.listEvents({ action: "push" })).events.length, 2);
});

Deno.test("statistics count, over REST and gRPC, for admins only", async () => {
  await using world = await registryUnderTest();
  await push(world, "a", "v1");
  await world.blob("a", "12345");
  await world.call("POST /v2/a/blobs/uploads/");
  await using admin = clients(world, "ada");
  const { repositories, manifests, blobs, blobBytes, uploadsInProgress } = await admin.admin.getStats({});
  assert.deepEqual([repositories, manifests, blobs, blobBytes, uploadsInProgress], [1n, 1n, 2n, 7n, 1n]);
  const bearer = (username: string) => ({ as: null, headers: { authorization: `Bearer ${mciasToken(username)}` } });
  const rest = await world.call("GET /v1/stats", bearer("ada"));
  assert.equal(JSON.parse(rest.text).blob_bytes, "7");
  assert.equal((await world.call("GET /v1/stats", bearer("ulla"))).status, 403);
  assert.equal((await world.call("GET /v1/stats", { as: null })).status, 401);
  assert.equal((await world.call("GET /v1/health", { as: null })).status, 200);
  assert.match((await world.call("GET /metrics", { as: null })).text, /mcr_blob_bytes 7\n/);
});
