/** Two servers of ours, talking to each other over sockets. */
import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import type { DomainName } from "../../domain/name.ts";
import { query, show } from "../../testing/dig_notation.ts";
import { askUdp } from "../../testing/dns_client.ts";
import { eventually, type NameServer, nameServer } from "../../testing/name_server.ts";
import { KeyVault } from "../../store/key_vault.ts";
import { transferStores } from "../../store/transfer_stores.ts";
import { by, lookUp, zoneName } from "../../testing/temp_store.ts";
import { openTransfers } from "./open_transfers.ts";

const peer = (address: string, tsigKey = "", tlsName = "") => ({ address, tsigKey, tlsName });

/** Lets `secondary` have the zone, and tells it of changes. */
function allow(primary: NameServer, zone: DomainName, secondary: NameServer, tsigKey = ""): void {
  primary.transfers.control.set(zone, { primaries: [], secondaries: [peer(secondary.address, tsigKey)] }, by);
}

const serialOf = (server: NameServer, zone: DomainName) => server.store.zones.get(zone).serial;
const errorOf = (server: NameServer, zone: DomainName) => server.transfers.control.get(zone).error;

Deno.test("SecondaryZones takes a zone over and follows each change by NOTIFY and IXFR", async () => {
  await using primary = await nameServer();
  await using secondary = await nameServer();
  secondary.addKey("k.example", primary.createKey("k.example"));
  const records = [
    "www 300 A 192.0.2.1",
    "mail 300 MX 10 www.example.org",
    "a.b 60 TXT hello",
    "@ 60 ALIAS www.example.net",
  ];
  const zone = primary.createZone("example.org", records);
  allow(primary, zone, secondary, "k.example");
  secondary.createSecondary("example.org", primary.address, { tsigKey: "k.example" });
  const look = (text: string) => lookUp(secondary.store.directory, text);
  await eventually(() => look("www.example.org A"), "300 192.0.2.1");
  assert.equal(look("mail.example.org MX"), "300 10 www.example.org");
  // ALIAS is looked up by who has the zone's records; it is never on the wire.
  assert.equal(look("example.org A"), "no_data");

  const serial = primary.store.add(zone, "new 300 A 192.0.2.7");
  await eventually(() => look("example.org SOA"), `serial ${serial}`);
  assert.equal(look("new.example.org A"), "300 192.0.2.7");
  await eventually(() => primary.transfers.control.get(zone).notifies.map(({ error }) => error), [""]);
  const state = secondary.transfers.control.get(zone);
  assert.equal(state.error, "");
  assert.equal(state.serial, serial);
  assert.ok(state.expiresAt! > Date.now() + 604_000_000, "it is good for its expire time");
  assert.equal(
    secondary.store.changes.list(zone, null, { limit: 1, before: null })[0]?.actor,
    `primary ${primary.address}`,
  );
  assert.equal(errorOf(secondary, zone), "");
});

Deno.test("SecondaryZones takes a zone of many messages as it was at one moment, while it changes", async () => {
  await using primary = await nameServer();
  await using secondary = await nameServer();
  secondary.addKey("k.example", primary.createKey("k.example", [], "hmac-sha512"), "hmac-sha512");
  const zone = primary.createZone("example.org");
  const lines = Array.from({ length: 10_000 }, (_, i) => `h${i} 300 IN A 10.${i >> 16}.${i >> 8 & 255}.${i & 255}`);
  await primary.store.files.import(
    zone,
    `$ORIGIN example.org.\n@ 300 IN SOA ns1 admin 1 3600 600 604800 300\n@ 300 IN NS ns1.example.net.\n${
      lines.join("\n")
    }\n`,
    { dryRun: false, create: false },
    by,
  );
  allow(primary, zone, secondary, "k.example");
  secondary.createSecondary("example.org", primary.address, { tsigKey: "k.example" });
  for (let i = 0; i < 5; i++) {
    primary.store.add(zone, `c${i} 300 A 192.0.2.1`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await eventually(() => serialOf(secondary, zone), serialOf(primary, zone));
  const contentOf = (server: NameServer) => {
    const published = server.store.editor.zone(zone);
    return [...published.names()].sort().map((
      name,
    ) => [name, published.setsAt(name).toSorted((a, b) => a.type - b.type)]);
  };
  assert.deepEqual(contentOf(secondary), contentOf(primary));
});

Deno.test("SecondaryZones transfers over TLS, from the primary that the certificate names", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mcns-" });
  const root = await createRoot({ name: "Test root", days: 10 });
  const key = await generateKey();
  const pem = await signLeaf(root, key.publicKey, { names: ["ns1.example.net"] });
  await Deno.writeTextFile(`${folder}/key.pem`, await exportKeyPem(key));
  await Deno.writeTextFile(`${folder}/cert.pem`, pem);
  const files = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem`, log: silentLogger, clock: systemClock };
  const certificates = CertificateFiles.load(files);
  try {
    await using primary = await nameServer({ certificates });
    await using secondary = await nameServer({ tlsCa: root.certificatePem });
    const zone = primary.createZone("example.org", ["www 300 A 192.0.2.1"]);
    allow(primary, zone, secondary);
    secondary.createSecondary("example.org", primary.tlsAddress, { tlsName: "ns2.example.net" });
    const states = () => errorOf(secondary, zone);
    await eventually(() => states().includes('is not for "ns2.example.net"'), true);
    const primaries = [peer(primary.tlsAddress, "", "ns1.example.net")];
    secondary.transfers.control.set(zone, { primaries, secondaries: [] }, by);
    await eventually(() => lookUp(secondary.store.directory, "www.example.org"), "300 192.0.2.1");
  } finally {
    certificates.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("SecondaryZones stops answering when the zone expires, and answers again when a primary is back", async () => {
  await using secondary = await nameServer();
  let zone: DomainName;
  let records: string[];
  {
    await using primary = await nameServer();
    records = ["www 300 A 192.0.2.1"];
    zone = primary.createZone("example.org", records, { refresh: 1, retry: 1, expire: 2 });
    allow(primary, zone, secondary);
    secondary.createSecondary("example.org", primary.address);
    await eventually(() => lookUp(secondary.store.directory, "www.example.org"), "300 192.0.2.1");
  }
  const ask = async () =>
    show((await askUdp(secondary.address, query("www.example.org A", { edns: 1232 })))!).split(" ")[0];
  await eventually(ask, "SERVFAIL");
  assert.equal(secondary.transfers.control.get(zone).expired, true);
  assert.match(secondary.transfers.problems().join(), /^secondary zone \S+ has expired and is not answered/);
  assert.match(errorOf(secondary, zone), /^127\.0\.0\.1:\d+: Cannot connect to .*: nothing listens there$/);
  // A restart doesn't bring it back.
  {
    using next = secondary.store.open();
    const stores = transferStores(next.db, next.audit, KeyVault.open(`${secondary.store.path}.key`), silentLogger);
    await using _transfers = openTransfers({
      ...{ zones: next.zones, editor: next.editor, stores, sources: [], tlsCa: "", maxZoneBytes: 1_000_000 },
      ...{ clock: systemClock, log: silentLogger },
    });
    assert.equal(lookUp(next.directory, "www.example.org"), "not answerable");
  }
  // Another primary, with an older serial: an expired zone takes what there is.
  await using other = await nameServer();
  other.createZone("example.org", ["www 300 A 192.0.2.2"]);
  allow(other, zone, secondary);
  secondary.transfers.control.set(zone, { primaries: [peer(other.address)], secondaries: [] }, by);
  await eventually(ask, "NOERROR");
});

Deno.test("SecondaryZones says which primary can't be used and why, and goes on to the next", async () => {
  await using primary = await nameServer();
  await using small = await nameServer({ maxZoneBytes: 100 });
  await using secondary = await nameServer();
  const secret = primary.createKey("k.example");
  secondary.addKey("k.example", secret);
  secondary.createKey("other.example");
  const zone = primary.createZone("example.org", ["www 300 A 192.0.2.1"]);
  for (const server of [secondary, small]) {
    allow(primary, zone, server, server === secondary ? "k.example" : "");
  }
  secondary.createSecondary("example.org", primary.address);
  const outcome = async (...primaries: ReturnType<typeof peer>[]) => {
    secondary.transfers.control.set(zone, { primaries, secondaries: [] }, by);
    await secondary.transfers.control.refresh(zone);
    return errorOf(secondary, zone);
  };
  allow(primary, zone, secondary, "k.example");
  assert.equal(await outcome(), "it has no primaries: set them");
  assert.match(await outcome(peer(primary.address)), /it answered REFUSED for AXFR$/);
  assert.match(await outcome(peer(primary.address, "other.example")), /does not know key other\.example \(BADKEY\)/);
  assert.match(await outcome(peer("127.0.0.1:1")), /nothing listens there$/);
  assert.match(await outcome(peer("127.0.0.1:1"), peer(primary.address, "k.example")), /^127\.0\.0\.1:1: [^;]*$/);
  assert.equal(lookUp(secondary.store.directory, "www.example.org"), "300 192.0.2.1");

  primary.transfers.control.set(zone, { primaries: [], secondaries: [peer("127.0.0.0/8")] }, by);
  small.createSecondary("example.org", primary.address);
  await small.transfers.control.refresh(zone);
  assert.match(errorOf(small, zone), /cannot be taken over: it has more than 100 octets$/);
  small.createSecondary("example.net", primary.address);
  await small.transfers.control.refresh(zoneName("example.net"));
  assert.match(errorOf(small, zoneName("example.net")), /it answered REFUSED for SOA$/);
});

/** Passes one TCP connection on to a server, whose replies wait until they are let through. */
function heldRelay(port: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reached = Promise.withResolvers<void>();
  const through = Promise.withResolvers<void>();
  const ended = (async () => {
    const client = await listener.accept();
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    reached.resolve();
    await Promise.allSettled([
      client.readable.pipeTo(server.writable),
      through.promise.then(() => server.readable.pipeTo(client.writable)),
    ]);
    listener.close();
  })();
  return { address: `127.0.0.1:${listener.addr.port}`, reached: reached.promise, letThrough: through.resolve, ended };
}

Deno.test("SecondaryZones takes nothing over from who is no primary any more when a transfer is done", async () => {
  await using primary = await nameServer();
  const zone = primary.createZone("example.org", ["www 300 A 192.0.2.1"]);
  const other = "127.0.0.1:1";
  const changes: ((secondary: NameServer) => void)[] = [
    (secondary) => {
      secondary.store.editor.delete(zone, by);
      secondary.createSecondary("example.org", other);
    },
    ({ transfers: { control } }) => control.set(zone, { primaries: [peer(other)], secondaries: [] }, by),
  ];
  for (const change of changes) {
    await using secondary = await nameServer();
    allow(primary, zone, secondary);
    const relay = heldRelay(primary.port);
    secondary.createSecondary("example.org", relay.address);
    await relay.reached;
    change(secondary);
    relay.letThrough();
    await relay.ended;
    await eventually(() => errorOf(secondary, zone).includes(other), true);
    assert.equal(secondary.transfers.control.get(zone).transferredAt, null);
    assert.notEqual(lookUp(secondary.store.directory, "www.example.org A"), "300 192.0.2.1");
  }
});

Deno.test("catalogs bring zones to a secondary, reset them and take them away", async () => {
  await using primary = await nameServer();
  await using secondary = await nameServer();
  const { control } = primary.transfers;
  const catalog = zoneName("catalog.example");
  primary.store.editor.create(catalog, { settings: settingsOf(), isCatalog: true }, by);
  allow(primary, catalog, secondary);
  secondary.createSecondary("catalog.example", primary.address, { isCatalog: true });
  const [one, two] = ["one.example", "two.example"].map((name) =>
    primary.createZone(name, ["www 300 A 192.0.2.1"])
  ) as [
    DomainName,
    DomainName,
  ];
  for (const zone of [one, two]) {
    allow(primary, zone, secondary);
    assert.match(control.setCatalog(zone, catalog, by).memberId, /^[0-9a-f]{16}$/);
  }
  const look = (name: string) => lookUp(secondary.store.directory, `www.${name}`);
  await eventually(() => [look("one.example"), look("two.example")], ["300 192.0.2.1", "300 192.0.2.1"]);
  assert.equal(secondary.store.zones.get(one).catalog, "catalog.example");

  // Out and in again: another id, so the secondary starts it anew.
  const idBefore = secondary.stores.secondaries.member(secondary.store.zones.get(one))!.member_id;
  control.setCatalog(one, null, by);
  const { memberId } = control.setCatalog(one, catalog, by);
  assert.notEqual(memberId, idBefore);
  await eventually(
    () => secondary.stores.secondaries.member(secondary.store.zones.find(one)!)?.member_id ?? "",
    memberId,
  );
  await eventually(() => look("one.example"), "300 192.0.2.1");

  control.setCatalog(one, null, by);
  await eventually(() => look("one.example"), "no zone");
  primary.store.editor.delete(two, by);
  await eventually(() => look("two.example"), "no zone");
  assert.equal(lookUp(primary.store.directory, "www.one.example"), "300 192.0.2.1");
});

const settingsOf = () => ({
  primaryNs: "invalid",
  adminEmail: "hostmaster.invalid",
  ...{ refresh: 3600, retry: 600, expire: 604_800, minimum: 300 },
});
