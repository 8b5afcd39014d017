import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { throwawayCa } from "../tls/throwaway_ca.ts";
import { HttpsClient } from "./client.ts";
import { type FetchHandler, serveHttp, type ServeHttpOptions } from "./serve.ts";

async function withServer(
  fetch: FetchHandler,
  test: (client: HttpsClient) => Promise<void>,
  options: Partial<ServeHttpOptions> = {},
): Promise<void> {
  const ca = await throwawayCa();
  const dir = await Deno.makeTempDir();
  const { cert, key } = await ca.issue(["svc.test", "127.0.0.1"]);
  await Deno.writeTextFile(`${dir}/c.pem`, cert);
  await Deno.writeTextFile(`${dir}/k.pem`, key);
  const tls = CertificateFiles.load({ cert: `${dir}/c.pem`, key: `${dir}/k.pem`, log: silentLogger });
  const server = await serveHttp({ address: "127.0.0.1:0", tls, fetch, log: silentLogger, ...options });
  const client = new HttpsClient({ address: server.address, serverName: "svc.test", ca: ca.root });
  try {
    await test(client);
  } finally {
    client.close();
    await server.close(1000);
    tls.close();
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("serveHttp and HttpsClient carry requests, bodies and problems", () =>
  withServer(async (request) => {
    if (request.url.endsWith("/fail")) throw new Error("secret");
    return new Response(`${request.method} ${await request.text()}`);
  }, async (client) => {
    const got = await client.request({ method: "POST", path: "/", body: new TextEncoder().encode("hello") });
    assert.equal(got.status, 200);
    assert.equal(await new Response(got.body).text(), "POST hello");
    const failed = await client.request({ method: "GET", path: "/fail" });
    assert.equal(failed.status, 500);
    assert.doesNotMatch(await new Response(failed.body).text(), /secret/);
    const sent = await client.request({
      method: "PUT",
      path: "/",
      body: new Blob(["a".repeat(300_000)]).stream(),
    });
    assert.equal((await new Response(sent.body).text()).length, 300_004);
  }));
