import assert from "node:assert/strict";
import { l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, tlsClient } from "../testing/raw.ts";

const get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

function at(proxy: TestProxy) {
  return { port: proxy.port, hostname: "a.test", ca: proxy.ca };
}

function served(proxy: TestProxy) {
  const [certificate] = proxy.certificates();
  return certificate!;
}

/** Waits until `holds`; the folder is looked at every 100 ms. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("CertificateFolder swaps a certificate when its files change; open connections go on", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  using before = await tlsClient(at(proxy));
  await before.send(get);
  await before.message();
  await proxy.certify("a", ["a.test", "extra.test"]);
  await until(() => served(proxy).names.includes("extra.test"));
  using after = await tlsClient(at(proxy));
  for (const client of [before, after]) {
    await client.send(get);
    assert.match(await client.message(), /ok$/);
  }
});

Deno.test("CertificateFolder keeps the certificate when the new files can't be served, says so, and recovers", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  await proxy.certify("b", ["b.test"]);
  const { dir } = proxy;
  // Another's pair, half a pair, and nothing.
  const rows: [change: () => Promise<void>, error: RegExp][] = [
    [async () => {
      await Deno.copyFile(`${dir}/certs/b.pem`, `${dir}/certs/a.pem`);
      await Deno.copyFile(`${dir}/certs/b.key`, `${dir}/certs/a.key`);
    }, /is for "b\.test", not for "a\.test"$/],
    [() => proxy.certify("a", ["a.test"]), /^$/],
    [() => Deno.copyFile(`${dir}/certs/b.key`, `${dir}/certs/a.key`), /a\.key is not the key of the certificate/],
    [() => Deno.remove(`${dir}/certs/a.key`), /cannot read/],
  ];
  for (const [change, error] of rows) {
    await change();
    await until(() => error.test(served(proxy).error));
    assert.deepEqual(served(proxy).names, ["a.test"]);
    const { status, reasons } = proxy.running.health();
    assert.equal(status, served(proxy).error === "" ? "serving" : "degraded", reasons.join());
    using client = await tlsClient(at(proxy));
    await client.send(get);
    assert.match(await client.message(), /ok$/);
  }
});

Deno.test("Router.put refuses a certificate that can't be served, and changes nothing", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"], b: ["b.test"] });
  const { dir } = proxy;
  await proxy.certify("old", ["a.test"], new Date(Date.now() - 10_000));
  await Deno.writeTextFile(`${dir}/certs/junk.pem`, "junk");
  await Deno.symlink(`${dir}/certs/a.pem`, `${dir}/certs/link.pem`);
  await Deno.symlink(`${dir}/data`, `${dir}/certs/folder`);
  const rows: [cert: string, key: string, code: string, message: RegExp][] = [
    ["none.pem", "a.key", "invalid", /^tls_cert: cannot read .*none\.pem/],
    ["a.pem", "none.key", "invalid", /^tls_key: cannot read .*none\.key/],
    ["junk.pem", "a.key", "invalid", /^tls_cert: .*junk\.pem holds no PEM certificate/],
    ["a.pem", "junk.pem", "invalid", /^tls_key: .*junk\.pem holds no unencrypted PEM private key/],
    ["a.pem", "b.key", "invalid", /^tls_key: .*b\.key is not the key of the certificate in .*a\.pem/],
    ["b.pem", "b.key", "invalid", /^tls_cert: the certificate in .*b\.pem is for "b\.test", not for "a\.test"$/],
    ["old.pem", "old.key", "invalid", /^tls_cert: the certificate in .*old\.pem .*expired at /],
    ["link.pem", "a.key", "denied", /^tls_cert: .*link\.pem is a symbolic link; put the file itself there$/],
    ["folder/mcproxy.db", "a.key", "denied", /^tls_cert: .*folder is a symbolic link/],
    ["../data/mcproxy.db", "a.key", "invalid", /^tls_cert: must lie below/],
  ];
  const before = proxy.routes();
  for (const [tlsCert, tlsKey, code, message] of rows) {
    assert.throws(
      () => proxy.put({ hostname: "a.test", mode: "l7", backends: ["127.0.0.1:1"], tlsCert, tlsKey }),
      { code, message },
    );
  }
  assert.deepEqual(proxy.routes(), before);
  using client = await tlsClient(at(proxy));
  await client.send(get);
  assert.match(await client.message(), /ok$/);
});

Deno.test("Router.reload keeps a route whose certificate is gone, reports it, and serves the others", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port) + l7Route("b.test", "b", backend.port), {
    a: ["a.test"],
    b: ["b.test"],
  });
  await Deno.remove(`${proxy.dir}/certs/b.pem`);
  await proxy.restart();
  const { status, reasons } = proxy.running.health();
  assert.equal(status, "degraded");
  assert.match(reasons.join("\n"), /^route https b\.test: tls_cert: cannot read /);
  assert.equal(proxy.routes().length, 2);
  using client = await tlsClient(at(proxy));
  await client.send(get);
  assert.match(await client.message(), /ok$/);
  await assert.rejects(tlsClient({ ...at(proxy), hostname: "b.test" }), /InternalError|internal/i);
  assert.deepEqual([...proxy.running.listeners.all()[0]!.door.counters.refused], [["no_certificate", 1]]);
  // It is served as soon as the file is there.
  await proxy.certify("b", ["b.test"]);
  await until(() => proxy.running.health().status === "serving");
  (await tlsClient({ ...at(proxy), hostname: "b.test" })).close();
});
