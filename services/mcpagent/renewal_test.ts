import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@lib/clock/mod.ts";
import { readCertificate, servicePair } from "./deploy/certificates.ts";
import { renewDue } from "./renewal.ts";
import { TestNode } from "./testing/test_node.ts";

const day = 24 * 3_600_000;

/** A node whose platform folder has a certificate of 90 days, looked at so many days later. */
async function later(test: TestNode, days: number, folder: string): Promise<string[]> {
  return await renewDue({ ...test.node, clock: new FakeClock(Date.now() + days * day) }, [folder]);
}

Deno.test("renewDue renews when a third of the lifetime is left, with the same names and a new key", async () => {
  await using test = await TestNode.start();
  const folder = join(test.folder, "srv", "mcns", "tls");
  Deno.mkdirSync(folder, { recursive: true });
  const pair = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  await test.issue(pair, ["mcns.svc.test", "localhost", "127.0.0.1"]);
  const before = readCertificate(pair.cert)!;
  const key = Deno.readTextFileSync(pair.key);

  deepEqual(await later(test, 59, folder), []);
  equal(readCertificate(pair.cert)!.serial, before.serial);
  deepEqual(await later(test, 61, folder), []);
  const after = readCertificate(pair.cert)!;
  ok(after.serial !== before.serial);
  deepEqual(after.names, before.names);
  ok(Deno.readTextFileSync(pair.key) !== key);
  equal(Deno.statSync(pair.key).mode! & 0o777, 0o600);
  deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["cert.pem", "key.pem"]);
});

Deno.test("renewDue keeps what it has when the issuer is down, and says until when it is good", async () => {
  await using test = await TestNode.start();
  const folder = join(test.folder, "srv", "mcns", "tls");
  Deno.mkdirSync(folder, { recursive: true });
  const pair = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  await test.issue(pair, ["mcns.svc.test"]);
  const before = Deno.readTextFileSync(pair.cert);
  test.world.down.add("issuer");
  const [failure] = await later(test, 80, folder);
  match(failure!, /cert\.pem \(until 20\d\d-.*\) can't be renewed: Cannot sign: issuer does not answer/);
  equal(Deno.readTextFileSync(pair.cert), before);
});

Deno.test("renewDue renews the certificates of routes and has the ingress read them again", async () => {
  await using test = await TestNode.start();
  const { registry, settings } = test.node;
  await test.issue(servicePair(settings.certsDir, "hello"), ["hello.svc.test"]);
  const serial = () => readCertificate(servicePair(settings.certsDir, "hello").cert)!.serial;
  const before = serial();
  const release = {
    definition: "",
    fileName: "",
    stage: "applications",
    components: [],
    routes: [],
    records: [],
    certificateNames: ["hello.svc.test"],
  };
  registry.services.commit({
    name: "hello",
    desired: "running",
    release,
    platform: false,
    platformSha256: "",
    deployedBy: "anna",
  }, null);
  const asked: string[] = [];
  test.world.before = (what) => void asked.push(what);
  deepEqual(await later(test, 61, join(test.folder, "none")), []);
  ok(serial() !== before);
  deepEqual(asked, ["sign", "reload"]);
  deepEqual(registry.events.list("hello", null, 1).map(({ kind }) => kind), ["renewed"]);
});
