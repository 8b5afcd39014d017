/** DNS over HTTPS as curl asks it. */
import assert from "node:assert/strict";
import { serveHttp } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { run, throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { dohRoute } from "../../services/mcns/dns/transport/doh.ts";
import { echo, ScriptedResponder } from "../../services/mcns/testing/scripted_responder.ts";
import { withTools } from "./tools.ts";

/** The reply to a query for "here.test A": that it is at 127.0.0.1, for a minute. To others: nothing is there. */
function answer(packet: Uint8Array): Uint8Array {
  const isAddress = packet.at(-3) === 1;
  if (!isAddress) return echo(packet);
  const reply = Uint8Array.of(...echo(packet), 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1);
  reply[7] = 1;
  return reply;
}

Deno.test({
  ...withTools("curl --doh-url finds a host by DNS over HTTPS", "curl"),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "mcns-" });
    const ca = await throwawayCa();
    const files = await writeIssued(folder, await ca.issue(["127.0.0.1", "here.test"]));
    await Deno.writeTextFile(`${folder}/ca.pem`, ca.root);
    const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0 });
    const route = dohRoute(new ScriptedResponder({ here: (packet) => Promise.resolve(answer(packet)) }));
    const server = await serveHttp({
      address: "127.0.0.1:0",
      tls: certificates,
      log: silentLogger,
      fetch: async (request, info) => await route(request, info) ?? new Response("found it"),
    });
    try {
      const { code, stdout, stderr } = await run("curl", [
        ...["--silent", "--show-error", "--max-time", "10", "--cacert", `${folder}/ca.pem`],
        ...["--doh-url", `https://${server.address}/dns-query`],
        `https://here.test:${server.address.split(":")[1]}/`,
      ]);
      assert.deepEqual([code, stdout, stderr], [0, "found it", ""]);
    } finally {
      await server.close(1000);
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
