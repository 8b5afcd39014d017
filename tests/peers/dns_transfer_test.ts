/** Zones between MCNS and Knot, BIND and NSD, in both roles: AXFR, IXFR, NOTIFY, TSIG, catalog zones. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { DomainName } from "../../services/mcns/domain/name.ts";
import { types } from "../../services/mcns/domain/rdata/record_type.ts";
import { RecordName } from "../../services/mcns/domain/record_name.ts";
import { eventually, type NameServer, nameServer } from "../../services/mcns/testing/name_server.ts";
import { by, lookUp, settings, zoneName } from "../../services/mcns/testing/temp_store.ts";
import { bind, dig, freePort, knot, nsd, run, type TransferPeer } from "./dns_transfer_servers.ts";
import { McnsProcess } from "./mcns_process.ts";
import { withTools } from "./tools.ts";

const keyName = "transfer.example";

/** Every kind of name in it that a server could trip over. */
const records = [
  "www 300 A 192.0.2.1",
  "www 300 A 192.0.2.2",
  "web 300 CNAME www.example.org",
  "mail 300 MX 10 www.example.org",
  "text 60 TXT hello",
  "*.wild 60 AAAA 2001:db8::1",
  "_sip._tcp 60 SRV 1 2 5060 www.example.org",
  "sub 300 NS ns.sub.example.org",
  "ns.sub 300 A 192.0.2.53",
  "a.b.c 60 A 192.0.2.3",
  "svc 60 HTTPS 1 . alpn=h2 port=8443",
  "old 60 TYPE65280 \\# 3 010203",
  ...Array.from({ length: 200 }, (_, i) => `host${i} 300 A 10.0.0.${i}`),
];

const zoneFile = `$ORIGIN example.org.
$TTL 300
@ SOA ns1.example.org. admin.example.org. 2026010100 3600 600 604800 300
@ NS ns1.example.org.
ns1 A 192.0.2.53
www A 192.0.2.1
Mixed MX 10 WWW.example.org.
*.wild AAAA 2001:db8::1
svc HTTPS 1 . alpn=h2
old TYPE65280 \\# 3 010203
${Array.from({ length: 3000 }, (_, i) => `host${i} A 10.0.${i >> 8}.${i & 255}`).join("\n")}
`;

/** Lets the peer have a zone, and tells it of changes. */
function give(mcns: NameServer, zone: string, port: number): void {
  const secondaries = [{ address: `127.0.0.1:${port}`, tsigKey: keyName, tlsName: "" }];
  mcns.transfers.control.set(zoneName(zone), { primaries: [], secondaries }, by);
}

for (const peer of [knot, bind, nsd]) {
  Deno.test({
    ...withTools(`${peer.name} takes a zone from MCNS and follows it by NOTIFY and IXFR`, ...peer.tools, "dig"),
    fn: () => primaryOf(peer),
  });
  Deno.test({
    ...withTools(`MCNS takes a zone from ${peer.name} and follows it by NOTIFY and IXFR`, ...peer.tools),
    fn: () => secondaryOf(peer),
  });
}

async function primaryOf(peer: TransferPeer): Promise<void> {
  await using mcns = await nameServer();
  const secret = mcns.createKey(keyName);
  const zone = mcns.createZone("example.org", records);
  const port = freePort();
  give(mcns, "example.org", port);
  await using server = await peer.start({
    port,
    mcns: mcns.port,
    key: { name: keyName, secret },
    secondary: ["example.org"],
  });
  await eventually(() => dig(server.port, "a.b.c.example.org"), "192.0.2.3", 30_000);
  for (
    const [args, want] of [
      ["www.example.org A", "192.0.2.1\n192.0.2.2"],
      ["x.wild.example.org AAAA", "2001:db8::1"],
      ["mail.example.org MX", "10 www.example.org."],
      ["_sip._tcp.example.org SRV", "1 2 5060 www.example.org."],
      ["svc.example.org HTTPS", '1 . alpn="h2" port=8443'],
      ["old.example.org TYPE65280", "\\# 3 010203"],
      ["host199.example.org A", "10.0.0.199"],
    ] as const
  ) assert.equal((await dig(server.port, ...args.split(" "))).split("\n").sort().join("\n"), want, args);

  const before = mcns.transfers.counters.transfersOut;
  const serial = mcns.store.add(zone, "new 60 TXT fresh");
  await eventually(async () => (await dig(server.port, "example.org", "SOA")).split(" ")[2], String(serial), 30_000);
  assert.equal(await dig(server.port, "new.example.org", "TXT"), '"fresh"');
  mcns.store.records.remove(zone, { name: RecordName.parse("new", zone) }, by);
  await eventually(() => dig(server.port, "new.example.org", "TXT"), "", 30_000);
  await eventually(() => mcns.transfers.control.get(zone).notifies.every(({ acknowledged }) => acknowledged), true);
  assert.ok(mcns.transfers.counters.transfersOut > before);
}

async function secondaryOf(peer: TransferPeer): Promise<void> {
  await using mcns = await nameServer();
  const secret = mcns.createKey(keyName);
  const setup = {
    port: freePort(),
    mcns: mcns.port,
    key: { name: keyName, secret },
    primary: { "example.org": zoneFile },
  };
  await using server = await peer.start(setup);
  const zone = mcns.createSecondary("example.org", `127.0.0.1:${server.port}`, { tsigKey: keyName });
  const look = (text: string) => lookUp(mcns.store.directory, text);
  await eventually(() => look("host2999.example.org A"), "300 10.0.11.183", 30_000);
  assert.equal(look("mixed.example.org MX"), "300 10 www.example.org");
  assert.equal(look("x.wild.example.org AAAA"), "300 2001:db8::1");
  assert.equal(look("svc.example.org HTTPS"), '300 1 . alpn="h2"');
  assert.equal(look("old.example.org TYPE65280"), "300 \\# 3 010203");
  const first = mcns.store.zones.get(zone).serial;

  await peer.add(server, setup, "example.org", "new.example.org. 60 TXT fresh");
  await eventually(() => look("new.example.org TXT"), '60 "fresh"', 30_000);
  assert.ok(mcns.transfers.counters.notifiesIn > 0, "it has sent NOTIFY");
  // Differences, not the whole zone: one step in our own journal, of few records.
  const steps = mcns.store.editor.journal(zone, first);
  assert.equal(steps?.length, 1);
  assert.ok(steps[0]!.added.length < 10, `${steps[0]!.added.length} records came`);
}

Deno.test({
  ...withTools("Knot and BIND take the zones that a catalog of MCNS lists", ...knot.tools, ...bind.tools, "dig"),
  async fn() {
    for (const peer of [knot, bind]) {
      await using mcns = await nameServer();
      const secret = mcns.createKey(keyName);
      const port = freePort();
      const catalog = zoneName("catalog.example");
      const catalogSettings = { ...settings, primaryNs: "invalid", adminEmail: "hostmaster.invalid" };
      mcns.store.editor.create(catalog, { settings: catalogSettings, isCatalog: true }, by);
      give(mcns, "catalog.example", port);
      const one = mcns.createZone("one.example", ["www 300 A 192.0.2.1"]);
      give(mcns, "one.example", port);
      mcns.transfers.control.setCatalog(one, catalog, by);
      await using server = await peer.start({
        port,
        mcns: mcns.port,
        key: { name: keyName, secret },
        catalog: "catalog.example",
      });
      const look = (name: string) => dig(server.port, name);
      await eventually(() => look("www.one.example"), "192.0.2.1", 30_000);

      const two = mcns.createZone("two.example", ["www 300 A 192.0.2.2"]);
      give(mcns, "two.example", port);
      mcns.transfers.control.setCatalog(two, catalog, by);
      await eventually(() => look("www.two.example"), "192.0.2.2", 30_000);
      mcns.transfers.control.setCatalog(one, null, by);
      await eventually(() => look("www.one.example"), "", 30_000);
      assert.equal(await look("www.two.example"), "192.0.2.2", peer.name);
    }
  },
});

Deno.test({
  ...withTools("MCNS takes the zones that a catalog of Knot and of BIND lists", ...knot.tools, ...bind.tools),
  async fn() {
    const memberFile = (address: string) =>
      `@ 300 SOA ns1 admin 1 3600 600 604800 300\n@ 300 NS ns1\nns1 300 A 192.0.2.53\nwww 300 A ${address}\n`;
    for (const peer of [knot, bind]) {
      await using mcns = await nameServer();
      const secret = mcns.createKey(keyName);
      const setup = {
        port: freePort(),
        mcns: mcns.port,
        key: { name: keyName, secret },
        primary: {
          "catalog.example": `$TTL 0
@ SOA invalid. invalid. 1 3600 600 604800 300
@ NS invalid.
version TXT "2"
id1.zones PTR one.example.
group.id1.zones TXT "plain"
`,
          "one.example": memberFile("192.0.2.1"),
          "two.example": memberFile("192.0.2.2"),
        },
      };
      await using server = await peer.start(setup);
      mcns.createSecondary("catalog.example", `127.0.0.1:${server.port}`, { tsigKey: keyName, isCatalog: true });
      const look = (name: string) => lookUp(mcns.store.directory, name);
      await eventually(() => look("www.one.example"), "300 192.0.2.1", 30_000);
      assert.equal(look("www.two.example"), "no zone");
      await peer.add(server, setup, "catalog.example", "id2.zones.catalog.example. 0 PTR two.example.");
      await eventually(() => look("www.two.example"), "300 192.0.2.2", 30_000);
    }
  },
});

Deno.test({
  ...withTools("dig and kdig transfer zones from MCNS, over TLS too, and check its signatures", "dig", "kdig"),
  async fn() {
    await using files = await certificateFiles();
    await using mcns = await nameServer({ certificates: files.certificates });
    const secret = mcns.createKey(keyName);
    mcns.createZone("example.org", [
      ...records,
      ...Array.from({ length: 2000 }, (_, i) => `more${i} 300 TXT ${"x".repeat(40)}`),
    ]);
    give(mcns, "example.org", 53);
    const at = ["@127.0.0.1", "-p", String(mcns.port), "+norec"];
    const signed = `hmac-sha256:${keyName}:${secret}`;
    for (const tool of ["dig", "kdig"]) {
      const whole = await run(tool, [...at, "-y", signed, "example.org", "AXFR"]);
      assert.match(whole, /more1999\.example\.org\./, tool);
      assert.doesNotMatch(whole, /WARNING|failed|couldn't verify/i, tool);
      assert.equal(whole.match(/\sSOA\s/g)?.length, 2, tool);
      const plain = await run(tool, [...at, "-y", signed, "www.example.org", "A"]);
      assert.match(plain, /192\.0\.2\.1[^]*TSIG/, tool);
      assert.doesNotMatch(plain, /WARNING|couldn't verify|failed/i, tool);
    }
    const tls = [
      "@127.0.0.1",
      "-p",
      mcns.tlsAddress.split(":")[1]!,
      "+tls",
      `+tls-ca=${files.ca}`,
      "+tls-host=localhost",
    ];
    const encrypted = await run("kdig", [...tls, "-y", signed, "example.org", "AXFR"]);
    assert.match(encrypted, /more1999\.example\.org\./);
    assert.doesNotMatch(encrypted, /WARNING|failed/i);
    assert.match(await run("dig", [...at, "example.org", "AXFR"]), /Transfer failed|REFUSED/);
    const wrong = `hmac-sha256:${keyName}:${btoa("not the secret at all")}`;
    assert.match(await run("dig", [...at, "-y", wrong, "www.example.org", "A"]), /NOTAUTH[^]*BADSIG/);
  },
});

Deno.test({
  ...withTools(
    "MCNS hands a zone that Knot signs on as it is, over IXFR and a restart",
    ...knot.tools,
    "dig",
    "ldns-verify-zone",
  ),
  async fn() {
    for (const signing of ["nsec", "nsec3"] as const) {
      await using mcns = await nameServer();
      const secret = mcns.createKey(keyName);
      const setup = {
        port: freePort(),
        mcns: mcns.port,
        key: { name: keyName, secret },
        // Beside the usual: data that no caller here could write, and names whose case counts.
        primary: { "example.org": `${zoneFile}odd TLSA 3 1 1 00ff\nsvc2 HTTPS 1 Svc.Example.ORG. alpn=h2\n` },
        signing,
      };
      await using server = await knot.start(setup);
      const zone = mcns.createSecondary("example.org", `127.0.0.1:${server.port}`, { tsigKey: keyName });
      mcns.transfers.control.set(zone, {
        primaries: [{ address: `127.0.0.1:${server.port}`, tsigKey: keyName, tlsName: "" }],
        secondaries: [{ address: "127.0.0.0/8", tsigKey: keyName, tlsName: "" }],
      }, by);
      const look = (text: string) => lookUp(mcns.store.directory, text);
      await eventually(() => look("odd.example.org TLSA"), "300 3 1 1 00FF", 30_000);
      await knot.add(server, setup, "example.org", "new.example.org. 60 TXT fresh");
      await eventually(() => look("new.example.org TXT"), '60 "fresh"', 30_000);
      const at = ["@127.0.0.1", "-p", String(mcns.port), "-y", `hmac-sha256:${keyName}:${secret}`];
      const transferred = await run("dig", [...at, "+onesoa", "example.org", "AXFR"]);
      const file = await Deno.makeTempFile({ suffix: ".zone" });
      await Deno.writeTextFile(file, transferred.split("\n").filter((line) => !/^;|\sTSIG\s/.test(line)).join("\n"));
      assert.match(await run("ldns-verify-zone", [file]), /Zone is verified and complete/, signing);
      await Deno.remove(file);

      using next = mcns.store.open();
      const [before, after] = [mcns.store.editor, next.editor].map((editor) => {
        const published = editor.zone(zone);
        return [...published.names()].sort().map((
          name,
        ) => [name, published.setsAt(name).toSorted((a, b) => a.type - b.type)]);
      });
      assert.deepEqual(after, before, "a restart reads the same zone");
    }
  },
});

Deno.test({
  ...withTools("MCNS in its sandbox takes a zone from Knot and tells Knot of its own", ...knot.tools, "dig"),
  async fn() {
    const port = freePort();
    const own = zoneName("own.example"), taken = zoneName("example.org");
    await using mcns = await McnsProcess.start({
      config: { transfer: [`source_addrs = ["127.0.0.1:0"]`, `peers = ["127.0.0.1:${port}"]`] },
      fill: ({ editor }) => void editor.create(own, { settings }, by),
    });
    using store = mcns.openStores();
    const { secret } = store.keys.create({
      ...{ name: DomainName.parse(keyName, "name"), algorithm: "hmac-sha256", scopes: [], secret: null },
    }, by);
    const peer = { address: `127.0.0.1:${port}`, tsigKey: keyName, tlsName: "" };
    store.editor.together(() => {
      store.editor.create(taken, { settings, kind: "secondary" }, by);
      store.peers.set(store.zones.get(taken), { primaries: [peer], secondaries: [] }, by, Date.now());
      store.peers.set(store.zones.get(own), { primaries: [], secondaries: [peer] }, by, Date.now());
    });
    await using server = await knot.start({
      ...{ port, mcns: mcns.port, key: { name: keyName, secret: secret.toBase64() } },
      primary: { "example.org": zoneFile },
      secondary: ["own.example"],
    });
    await mcns.replace();
    await eventually(() => dig(mcns.port, "host2999.example.org"), "10.0.11.183", 30_000);
    const serialAtKnot = async () => (await dig(server.port, "own.example", "SOA")).split(" ")[2];
    await eventually(serialAtKnot, String(store.zones.get(own).serial), 30_000);
    // Knot's next look by itself would be in an hour: only the NOTIFY of the new process can tell it.
    const name = RecordName.parse("new", own);
    store.records.add(own, { name, type: types.A, data: "\xc0\0\x02\x01", ttlSeconds: 60 }, by);
    await mcns.replace();
    await eventually(() => dig(server.port, "new.own.example"), "192.0.2.1", 30_000);
  },
});

/** The database of a running MCNS, as another process of ours has it. */
/** A certificate for localhost, and its CA. */
async function certificateFiles(): Promise<{ certificates: CertificateFiles; ca: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "dns-tls-" });
  const authority = await throwawayCa();
  const files = await writeIssued(folder, await authority.issue(["localhost", "127.0.0.1"]));
  const certificates = CertificateFiles.load({ ...files, log: silentLogger, clock: systemClock });
  const ca = join(folder, "ca.pem");
  await Deno.writeTextFile(ca, authority.root);
  return {
    certificates,
    ca,
    async [Symbol.asyncDispose]() {
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
