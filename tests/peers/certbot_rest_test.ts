/** certbot's REST hooks on a whole platform, with a token of MCIAS that is good for nothing else. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { TestPlatform } from "../platform.ts";
import { logIn, rest } from "../stories/rest_call.ts";
import { acmeServer } from "./acme_server.ts";
import { certbot } from "./certbot.ts";
import { dig } from "./dns_transfer_servers.ts";
import { withTools } from "./tools.ts";

Deno.test({
  ...withTools("certbot's REST hooks set and clear _acme-challenge with a token for nothing else", "certbot", "dig"),
  async fn() {
    await using platform = await TestPlatform.start();
    const folder = join(platform.data, "..", "certbot");
    Deno.mkdirSync(folder);
    const admin = await logIn(platform);
    const issue = async (scope: string) => {
      const call = "POST /v1/accounts/mcp-agent/tokens";
      const { body } = await rest(platform, "mcias", { call, token: admin, body: { scopes: [scope] } });
      const file = join(folder, "token");
      Deno.writeTextFileSync(file, `${body.token}\n`, { mode: 0o600 });
      return file;
    };
    assert.equal((await platform.mcnsctl("zone", "add", "example.org")).code, 0);
    const port = Number(platform.file.dns.split(":")[1]);
    const challenges = async (name: string) =>
      (await dig(port, name, "TXT")).split("\n").map((line) => line.replaceAll('"', ""));
    await using acme = await acmeServer(challenges);
    const { mcns, ca } = platform.file;
    const ask = (tokenFile: string) =>
      certbot({
        ...{ folder, acme, authHook: "set_challenge_rest.sh", cleanupHook: "clear_challenge_rest.sh" },
        env: { MCNS_URL: mcns, MCNS_ZONE: "example.org", MCNS_TOKEN_FILE: tokenFile, MCNS_CA: ca },
      });

    await assert.rejects(ask(await issue("mcns:record:example.org:_acme-challenge:TXT")), /token-scopes/);
    assert.deepEqual(acme.checks, ["www.example.org invalid"]);
    assert.match(await ask(await issue("mcns:record:example.org:_acme-challenge.**:TXT")), /Successfully received/);
    assert.equal(acme.checks.at(-1), "www.example.org valid");
    assert.deepEqual(await challenges("_acme-challenge.www.example.org"), [""]);
    const log = JSON.parse((await platform.mcnsctl("log", "example.org", "--json")).stdout) as {
      changes: { actor: string; action: string }[];
    };
    assert.deepEqual(log.changes.slice(0, 2).map(({ actor, action }) => `${actor} ${action}`), [
      "mcp-agent record.delete",
      "mcp-agent record.add",
    ]);
  },
});
