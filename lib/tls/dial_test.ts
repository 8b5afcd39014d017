import assert from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { dialTls, type DialTlsOptions } from "./dial.ts";
import { listenTls } from "./listen.ts";
import { type Issued, throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { FakeClock } from "@lib/clock/mod.ts";

const ca = await throwawayCa();

/** Serves `leaf` as at `now`, so that an expired one can be served too. */
async function dialing(
  leaf: Issued,
  options: Partial<DialTlsOptions>,
  now = Date.now(),
): Promise<PlatformError | null> {
  const folder = await Deno.makeTempDir();
  const files = await writeIssued(folder, leaf);
  const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0, clock: new FakeClock(now) });
  const listener = listenTls({
    address: "127.0.0.1:0",
    certificates,
    alpn: ["echo"],
    log: silentLogger,
    onConnection: (connection) => connection.pipe(connection),
  });
  const port = Number(listener.address.split(":")[1]);
  try {
    const connection = await dialTls({ hostname: "127.0.0.1", port, serverName: "svc.test", ca: ca.root, ...options });
    connection.destroy();
    return null;
  } catch (error) {
    assert.ok(error instanceof PlatformError, String(error));
    assert.equal(error.code, "unavailable");
    return error;
  } finally {
    await listener.close();
    certificates.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("dialTls accepts names, wildcard names and addresses that the certificate has", async () => {
  const leaf = await ca.issue(["svc.test", "*.wild.test", "127.0.0.1", "::1"]);
  for (const serverName of ["svc.test", "SVC.test", "a.wild.test", "127.0.0.1", "::1"]) {
    assert.equal(await dialing(leaf, { serverName }), null, serverName);
  }
});

Deno.test("dialTls says what is wrong with a certificate", async () => {
  const good = await ca.issue(["svc.test", "127.0.0.1"]);
  const expired = await ca.issue(["svc.test"], new Date("2026-01-02T03:04:05Z"));
  const stranger = await throwawayCa();
  const rows: [string, Issued, Partial<DialTlsOptions>, RegExp][] = [
    [
      "another name",
      good,
      { serverName: "other.test" },
      /^The certificate of 127\.0\.0\.1:\d+ is not for "other\.test": it has "svc\.test", "127\.0\.0\.1"$/,
    ],
    [
      "another address",
      good,
      { serverName: "10.0.0.1" },
      /is not for "10\.0\.0\.1": it has "svc\.test", "127\.0\.0\.1"$/,
    ],
    ["expired", expired, {}, /^The certificate of 127\.0\.0\.1:\d+ \("svc\.test"\) expired at 2026-01-02T03:04:05Z$/],
    [
      "another CA",
      good,
      { ca: stranger.root },
      /is not signed by a CA that is trusted here; its issuer is "CN=Throw-away root"$/,
    ],
    ["signed by another", await stranger.issue(["svc.test"]), {}, /is not signed by a CA that is trusted here/],
  ];
  for (const [what, leaf, options, message] of rows) {
    const error = await dialing(
      leaf,
      options,
      Date.parse("2026-01-02T00:00:00Z") < Date.now() && leaf === expired
        ? Date.parse("2026-01-02T00:00:00Z")
        : Date.now(),
    );
    assert.match(error?.message ?? "no error", message, what);
    assert.ok(error?.hint, what);
  }
});

Deno.test("dialTls names the address that refuses", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(dialTls({ hostname: "127.0.0.1", port, serverName: "svc.test", ca: ca.root }), {
    message: `Connection refused by 127.0.0.1:${port}: nothing listens there`,
  });
});

Deno.test("dialTls gives up on a server that never answers, or is no TLS server", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepted = listener.accept();
  const options = { hostname: "127.0.0.1", port, serverName: "svc.test", ca: ca.root };
  await assert.rejects(dialTls({ ...options, timeoutMs: 20 }), {
    message: `No TLS connection to 127.0.0.1:${port} within 20 ms`,
  });
  (await accepted).close();
  const ending = new AbortController();
  const unheard = listener.accept();
  const unwanted = dialTls({ ...options, signal: ending.signal });
  const silent = await unheard;
  ending.abort();
  await assert.rejects(unwanted, { message: `No TLS connection to 127.0.0.1:${port}: the attempt was ended` });
  silent.close();
  const second = listener.accept();
  const dialled = dialTls(options);
  const conn = await second;
  await conn.write(new TextEncoder().encode("SSH-2.0-x\r\n"));
  await assert.rejects(dialled, /^PlatformError: No TLS connection to 127\.0\.0\.1/);
  conn.close();
  listener.close();
});
