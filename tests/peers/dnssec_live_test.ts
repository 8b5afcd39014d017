/** Signed zones while their keys roll and their records change: through a validating Unbound, and at a secondary. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "@lib/testing/mod.ts";
import type { DomainName } from "../../services/mcns/domain/name.ts";
import { types } from "../../services/mcns/domain/rdata/record_type.ts";
import { RecordName } from "../../services/mcns/domain/record_name.ts";
import { parseSeedRecord } from "../../services/mcns/domain/seed.ts";
import { eventually } from "../../services/mcns/testing/name_server.ts";
import { by, zoneName } from "../../services/mcns/testing/temp_store.ts";
import { DnsServer } from "./dns_servers.ts";
import { dig, freePort, knot } from "./dns_transfer_servers.ts";
import { type SignedServer, signedServer } from "./signed_server.ts";
import { withTools } from "./tools.ts";
import { assertVerified, zoneVerifiers } from "./zone_verifiers.ts";

Deno.test({
  ...withTools("a validating Unbound resolves all through whole key rollovers", "unbound", "dig"),
  async fn() {
    await using signed = await signedServer();
    const { control } = signed.dnssec;
    const parent = signed.createZone("test", ["ns1 A 127.0.0.1"]);
    const csk = child(signed, "csk.test"), split = child(signed, "split.test");
    await signed.sign(parent, { algorithm: "ecdsap256sha256" });
    await signed.sign(csk, { algorithm: "ecdsap256sha256", denial: "nsec3" });
    await signed.sign(split, { algorithm: "ed25519", denial: "nsec", splitKeys: true });
    const port = freePort();
    const anchor = control.get(parent).trustAnchors[0]!;
    await using _unbound = await startUnbound(port, signed.port, ["test", "csk.test", "split.test"], anchor);
    for (const zone of [csk, split]) {
      await eventually(() => control.get(zone).waitsForDs, true);
      giveDs(signed, zone);
      await eventually(() => isAtRest(signed, zone), true);
    }
    // Unbound drops what it kept of the time without DS.
    await eventually(() => isSecure(port, "www.csk.test", "NOERROR"), true);
    await eventually(() => isSecure(port, "www.split.test", "NOERROR"), true);

    const tags = () => [csk, split].map((zone) => control.get(zone).keys.map(({ tag }) => tag));
    const before = tags();
    await control.roll(csk, "csk", by);
    await control.roll(split, "ksk", by);
    await control.roll(split, "zsk", by);
    const seen = new Set<string>();
    const deadline = performance.now() + 120_000;
    while (!isAtRest(signed, csk) || !isAtRest(signed, split)) {
      assert.ok(performance.now() < deadline, "the rollovers end");
      for (const zone of [csk, split]) {
        const states = () => control.get(zone).keys.map(({ role, state }) => `${role} ${state}`).join(", ");
        seen.add(states());
        if (control.get(zone).waitsForDs) giveDs(signed, zone);
        for (const [name, status] of [["www", "NOERROR"], ["nope", "NXDOMAIN"], ["x.wild", "NOERROR"]] as const) {
          assert.ok(await isSecure(port, `${name}.${zone}`, status), `${name}.${zone}: ${states()}`);
        }
      }
    }
    for (const [i, after] of tags().entries()) {
      assert.equal(after.length, before[i]!.length);
      assert.ok(after.every((tag) => !before[i]!.includes(tag)), `other keys: ${before[i]} → ${after}`);
    }
    for (const state of ["csk active, csk published", "csk active, csk ready", "csk retired, csk active"]) {
      assert.ok(seen.has(state), `${state} was seen: ${[...seen].join("; ")}`);
    }
  },
});

Deno.test({
  ...withTools("a validating Unbound refuses a record that was tampered with", "unbound", "dig"),
  async fn() {
    await using signed = await signedServer();
    const zone = signed.createZone("test", ["ns1 A 127.0.0.1", "www A 192.0.2.1"]);
    const { trustAnchors } = await signed.sign(zone, { algorithm: "ed25519" });
    const published = signed.server.store.editor.zone(zone);
    const { key } = zoneName("www.test");
    const tampered = published.setsAt(key)
      .map((set) => set.type === types.A ? { ...set, data: ["\xc0\0\x02\x63"] } : set);
    published.replaceSets(key, tampered);
    const port = freePort();
    await using _unbound = await startUnbound(port, signed.port, ["test"], trustAnchors[0]!);
    const { stdout } = await run("dig", ["@127.0.0.1", "-p", String(port), "www.test", "A"]);
    assert.match(stdout, /status: SERVFAIL/);
  },
});

for (const denial of ["nsec", "nsec3"] as const) {
  Deno.test({
    ...withTools(
      `Knot follows a signed zone by IXFR, through changes and a rollover, and has it whole, with ${denial}`,
      ...knot.tools,
      ...zoneVerifiers.map(({ tool }) => tool),
    ),
    async fn() {
      await using signed = await signedServer();
      const { server, dnssec: { control } } = signed;
      const zone = signed.createZone("example.org", ["ns1 A 127.0.0.1", "a.b.c A 192.0.2.1", "*.wild A 192.0.2.2"]);
      await signed.sign(zone, { algorithm: "ed25519", denial });
      await eventually(() => control.get(zone).waitsForDs, true);
      await control.confirmDs(zone, by);
      const name = "transfer.example", secret = server.createKey(name);
      const port = freePort();
      const secondaries = [{ address: `127.0.0.1:${port}`, tsigKey: name, tlsName: "" }];
      server.transfers.control.set(zone, { primaries: [], secondaries }, by);
      const setup = { port, mcns: server.port, key: { name, secret }, secondary: ["example.org"] };
      await using secondary = await knot.start(setup);
      const serialAtKnot = async () => Number((await dig(port, "example.org", "SOA")).split(" ")[2]);
      const isLevel = async () => await serialAtKnot() === control.get(zone).serial;
      await eventually(isLevel, true, 30_000);
      await control.roll(zone, "csk", by);
      for (let i = 0; i < 30; i++) {
        if (i % 3 === 2) server.store.records.remove(zone, { name: RecordName.parse(`n${i - 1}.d${i % 4}`, zone) }, by);
        else server.store.add(zone, `n${i}.d${(i + 1) % 4} 1 A 192.0.2.${i}`);
      }
      await eventually(() => control.get(zone).waitsForDs, true);
      await control.confirmDs(zone, by);
      await eventually(() => isAtRest(signed, zone), true);
      await eventually(isLevel, true, 30_000);
      const read = await run("knotc", ["-s", join(secondary.folder, "knot.sock"), "zone-read", "example.org"]);
      const text = read.stdout.replaceAll(/^\[example\.org\.\] /gm, "");
      assert.equal(text.trim().split("\n").length, signed.text(zone).trim().split("\n").length - 1, "all but $ORIGIN");
      await assertVerified("example.org", text, false, "at Knot");
    },
  });
}

/** Whether no key of the zone is on its way in or out. */
function isAtRest({ dnssec }: SignedServer, zone: DomainName): boolean {
  return dnssec.control.get(zone).keys.every(({ state }) => state === "active");
}

/** Whether the resolver answers with that status, and has validated it. */
async function isSecure(port: number, name: string, status: string): Promise<boolean> {
  const { stdout } = await run("dig", ["@127.0.0.1", "-p", String(port), "+tries=1", name, "A"]);
  return stdout.includes(`status: ${status}`) && /flags: qr rd ra ad;/.test(stdout);
}

/** Puts what the child shows as DS into the parent; MCNS serves both, so it goes on by itself. */
function giveDs({ server, dnssec }: SignedServer, zone: DomainName): void {
  const parent = zoneName("test");
  server.store.editor.edit(parent, by, "test", (edit) => {
    for (const row of edit.recordsAt(RecordName.parse(`${zone}.`, parent))) if (row.type === "DS") edit.remove(row);
    for (const line of dnssec.control.get(zone).ds) {
      edit.add(parseSeedRecord(line.replace(/ (\d+) IN /, " 1 "), parent, "record"));
    }
  });
}

/** A zone below "test", delegated there. */
function child(signed: SignedServer, name: string): DomainName {
  const zone = signed.createZone(name, ["ns1 A 127.0.0.1", "www A 192.0.2.1", "*.wild A 192.0.2.2"]);
  const parent = zoneName("test");
  signed.server.store.editor.edit(parent, by, "test", (edit) => {
    for (const line of [`${name}. NS ns1.${name}.`, `ns1.${name}. A 127.0.0.1`]) {
      edit.add({ ...parseSeedRecord(line, parent, "record"), ttlSeconds: 1 });
    }
  });
  return zone;
}

/** A validating resolver that asks MCNS for these zones and has one trust anchor. */
function startUnbound(port: number, mcns: number, zones: readonly string[], anchor: string): Promise<DnsServer> {
  return DnsServer.start("unbound", port, (folder) => {
    const stubs = zones.map((name) => `stub-zone:\n  name: "${name}."\n  stub-addr: 127.0.0.1@${mcns}\n`);
    Deno.writeTextFileSync(
      join(folder, "unbound.conf"),
      `server:
  interface: 127.0.0.1
  port: ${port}
  directory: "${folder}"
  pidfile: "${folder}/unbound.pid"
  chroot: ""
  username: ""
  use-syslog: no
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "${anchor}"
  local-zone: "test." nodefault
  qname-minimisation: no
  val-bogus-ttl: 1
  target-fetch-policy: "0 0 0 0 0"
remote-control:
  control-enable: no
${stubs.join("")}`,
    );
    return ["/usr/sbin/unbound", "-d", "-c", join(folder, "unbound.conf")];
  });
}
