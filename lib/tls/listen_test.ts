import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { dialTls } from "./dial.ts";
import { listenTls } from "./listen.ts";
import { throwawayCa } from "./throwaway_ca.ts";

Deno.test("listenTls and dialTls carry bytes both ways", async () => {
  const ca = await throwawayCa();
  const dir = await Deno.makeTempDir();
  const { cert, key } = await ca.issue(["svc.test", "127.0.0.1"]);
  await Deno.writeTextFile(`${dir}/c.pem`, cert);
  await Deno.writeTextFile(`${dir}/k.pem`, key);
  const certificates = CertificateFiles.load({ cert: `${dir}/c.pem`, key: `${dir}/k.pem`, log: silentLogger });
  const listener = listenTls({
    address: "127.0.0.1:0",
    certificates,
    alpn: ["echo"],
    log: silentLogger,
    onConnection: (connection) => connection.pipe(connection),
  });
  const port = Number(listener.address.split(":")[1]);
  const client = await dialTls({ hostname: "127.0.0.1", port, serverName: "svc.test", ca: ca.root, alpn: ["echo"] });
  assert.equal(client.alpnProtocol, "echo");
  client.end("hello");
  let text = "";
  for await (const chunk of client) text += chunk;
  assert.equal(text, "hello");
  await listener.close(1000);
  certificates.close();
  await Deno.remove(dir, { recursive: true });
});
