import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { type Fields, type Logger, silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";

const ca = await throwawayCa();

/** Runs with an own folder that is removed afterwards. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A logger whose errors can be waited for. */
function alarmLog(): { log: Logger; alarm: Promise<Fields> } {
  const { promise, resolve } = Promise.withResolvers<Fields>();
  const log: Logger = { ...silentLogger, error: (_message, fields) => resolve(fields ?? {}), with: () => log };
  return { log, alarm: promise };
}

Deno.test("CertificateFiles.load tells names and end of the certificate", () =>
  inFolder(async (folder) => {
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000);
    const files = await writeIssued(folder, await ca.issue(["Svc.Test", "*.b.test", "10.0.0.1"], notAfter));
    const certificates = CertificateFiles.load({ ...files, log: silentLogger });
    assert.deepEqual(certificates.names, ["svc.test", "*.b.test", "10.0.0.1"]);
    assert.deepEqual(certificates.notAfter, notAfter);
    certificates.close();
  }));

Deno.test("CertificateFiles.load refuses bad files with file, names and dates", () =>
  inFolder(async (folder) => {
    const good = await ca.issue(["svc.test"]);
    const other = await ca.issue(["other.test"]);
    const expired = await ca.issue(["svc.test"], new Date("2026-01-02T03:04:05Z"));
    const early = new FakeClock(Date.parse("2020-01-01T00:00:00Z"));
    const rows: [string, () => Promise<void> | void, RegExp, FakeClock?][] = [
      ["no certificate file", () =>
        Deno.remove(`${folder}/cert.pem`), /^tls_cert: cannot read the certificate from .*cert\.pem/],
      ["no key file", () =>
        Deno.remove(`${folder}/key.pem`), /^tls_key: cannot read the key of the certificate from .*key\.pem/],
      ["no PEM", () =>
        Deno.writeTextFile(`${folder}/cert.pem`, "x"), /^tls_cert: .*cert\.pem holds no PEM certificate/],
      ["an empty key", () =>
        Deno.writeTextFile(`${folder}/key.pem`, ""), /^tls_key: .*key\.pem holds no unencrypted PEM private key/],
      [
        "another's key",
        () =>
          Deno.writeTextFile(`${folder}/key.pem`, other.key),
        /^tls_key: .*key\.pem is not the key of the certificate in .*\("svc\.test"\)/,
      ],
      [
        "expired",
        async () =>
          void await writeIssued(folder, expired),
        /^tls_cert: the certificate in .*cert\.pem \("svc\.test"\) expired at 2026-01-02T03:04:05Z/,
      ],
      ["not yet valid", () => {}, /^tls_cert: .* is valid only from 20\d\d-.*clock/, early],
    ];
    for (const [what, spoil, message, clock] of rows) {
      const files = await writeIssued(folder, good);
      await spoil();
      assert.throws(
        () =>
          CertificateFiles.load({ ...files, log: silentLogger, ...(clock === undefined ? {} : { clock }) }),
        (error: Error) => (assert.match(error.message, message, what), true),
      );
    }
  }));

Deno.test("CertificateFiles.reload takes a new pair and keeps the old one against a bad one", () =>
  inFolder(async (folder) => {
    const files = await writeIssued(folder, await ca.issue(["one.test"]));
    const { log, alarm } = alarmLog();
    const certificates = CertificateFiles.load({ ...files, log, pollMs: 0 });
    let changes = 0;
    certificates.onChange = () => changes++;
    const before = certificates.context;
    await writeIssued(folder, await ca.issue(["two.test"]));
    assert.equal(certificates.reload(), true);
    assert.deepEqual(certificates.names, ["two.test"]);
    assert.notEqual(certificates.context, before);
    await Deno.writeTextFile(files.cert, "broken");
    assert.equal(certificates.reload(), false);
    assert.deepEqual(certificates.names, ["two.test"]);
    assert.match(String((await alarm).reason), /holds no PEM certificate/);
    assert.match(certificates.failure ?? "", /holds no PEM certificate/);
    await writeIssued(folder, await ca.issue(["three.test"]));
    assert.equal(certificates.reload(), true);
    assert.equal(certificates.failure, null);
    assert.equal(changes, 2);
    certificates.close();
  }));

Deno.test("CertificateFiles follows its files by itself", () =>
  inFolder(async (folder) => {
    const files = await writeIssued(folder, await ca.issue(["one.test"]));
    const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 5 });
    const changed = new Promise<string[]>((resolve) => certificates.onChange = ({ names }) => resolve(names));
    await writeIssued(folder, await ca.issue(["two.test"]));
    assert.deepEqual(await changed, ["two.test"]);
    certificates.close();
  }));

Deno.test("CertificateFiles raises an alarm for a key that stays another's", () =>
  inFolder(async (folder) => {
    const files = await writeIssued(folder, await ca.issue(["one.test"]));
    const { log, alarm } = alarmLog();
    const certificates = CertificateFiles.load({ ...files, log, pollMs: 5 });
    await Deno.writeTextFile(files.key, (await ca.issue(["one.test"])).key);
    assert.match(String((await alarm).reason), /is not the key/);
    assert.deepEqual(certificates.names, ["one.test"]);
    certificates.close();
  }));
