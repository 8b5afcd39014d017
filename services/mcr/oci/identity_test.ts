import assert from "node:assert/strict";
import { implement } from "@lib/contract/mod.ts";
import { PlatformError, rateLimited, unauthenticated } from "@lib/errors/mod.ts";
import { serveGrpc } from "@lib/grpc/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { AuthService } from "@proto/mcias/v1/mcias_pb.ts";
import { mciasIdentity } from "./identity.ts";

Deno.test("mciasIdentity logs in and out at MCIAS and tells wrong passwords from an MCIAS in trouble", async () => {
  const folder = await Deno.makeTempDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const root = await createRoot({ name: "Test root", days: 1 });
  const key = await generateKey();
  await Deno.writeTextFile(`${folder}/key.pem`, await exportKeyPem(key));
  await Deno.writeTextFile(`${folder}/cert.pem`, await signLeaf(root, key.publicKey, { names: ["mcias.test"] }));
  const tls = stack.adopt(
    CertificateFiles.load({
      cert: `${folder}/cert.pem`,
      key: `${folder}/key.pem`,
      log: silentLogger,
      clock: systemClock,
    }),
    (files) => files.close(),
  );
  const seen: string[] = [];
  const server = await serveGrpc({
    address: "127.0.0.1:0",
    tls,
    log: silentLogger,
    authenticate: (token) =>
      Promise.resolve({ subject: "id", username: token, accountType: "human", roles: [], tokenId: "t" }),
    operations: implement(AuthService, {
      login({ username, password, serviceName }) {
        seen.push(`login ${username} for ${serviceName}`);
        if (password === "too often") throw rateLimited("Too many logins", 7);
        if (password !== "right") throw unauthenticated("Wrong username or password");
        const identity = { subject: "id", username, accountType: "human", roles: ["user"], tokenId: "t" };
        return { token: "the-token", identity };
      },
      logout: (_request, call) => {
        seen.push(`logout ${call.token}`);
        return {};
      },
      renew: () => {
        throw new PlatformError("internal", "not asked for");
      },
    }),
  });
  let open = true;
  stack.defer(async () => open ? await server.close(0) : undefined);
  const identity = stack.use(mciasIdentity({
    address: server.address,
    serverName: "mcias.test",
    ca: root.certificatePem,
    verify: () => Promise.resolve(null),
  }));

  const login = await identity.login("ulla", "right");
  assert.deepEqual([login?.token, login?.caller.username, login?.caller.roles], ["the-token", "ulla", ["user"]]);
  assert.equal(await identity.login("ulla", "wrong"), null);
  await assert.rejects(identity.login("ulla", "too often"), { code: "rate_limited" });
  await identity.logout("the-token");
  assert.deepEqual(seen, ["login ulla for mcr", "login ulla for mcr", "login ulla for mcr", "logout the-token"]);

  await server.close(0);
  open = false;
  await assert.rejects(identity.login("ulla", "right"), { code: "unavailable" });
  await identity.logout("the-token");
});
