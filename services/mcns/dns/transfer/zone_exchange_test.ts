/** What clients and servers send by hand, and what comes back, over sockets. */
import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { createLogger } from "@lib/log/mod.ts";
import { DomainName } from "../../domain/name.ts";
import { u32Octets } from "../../domain/octets.ts";
import { parseData } from "../../domain/rdata/record_data.ts";
import { typeCode, types, typeText } from "../../domain/rdata/record_type.ts";
import type { ScopeText } from "../../domain/update_scope.ts";
import { askUdp, DnsStreamClient } from "../../testing/dns_client.ts";
import { type NameServer, nameServer } from "../../testing/name_server.ts";
import { by, lookUp } from "../../testing/temp_store.ts";
import { classes, opcodes } from "../codes.ts";
import { rcodeText } from "../query_log.ts";
import { MessageWriter, sections } from "./message_writer.ts";
import { type RawMessage, readRawMessage } from "./raw_message.ts";
import { ReplyVerifier, signRequest, tsigErrors } from "./tsig.ts";

const key = (name: string) => DomainName.parse(name, "name").key;
const zoneKey = key("example.org");

interface Asked {
  readonly server: NameServer;
  readonly message: Uint8Array;
  /** Name of the key to sign with. */
  readonly tsigKey?: string;
  readonly over?: "udp" | "tcp";
}

/** All replies up to the first that ends it: one, or a whole transfer. Their signatures are checked. */
async function ask(
  { server, message, tsigKey, over = "udp" }: Asked,
  last = (_: RawMessage) => true,
): Promise<RawMessage[]> {
  const held = tsigKey === undefined ? undefined : server.stores.keys.find(key(tsigKey))!;
  const signed = held === undefined ? null : signRequest(message, held, systemClock);
  const verifier = held === undefined ? null : new ReplyVerifier(held, signed!.mac, systemClock);
  const read = (packet: Uint8Array | null): RawMessage => {
    const reply = readRawMessage(packet!);
    assert.ok(reply !== null && reply.isReply, "the reply can be read");
    assert.equal(verifier?.take(reply) ?? null, null);
    return reply;
  };
  const packet = signed?.packet ?? message;
  if (over === "udp") return [read(await askUdp(server.address, packet))];
  await using client = await DnsStreamClient.connect(server.address);
  await client.ask(packet);
  const replies: RawMessage[] = [];
  do replies.push(read(await client.next())); while (!last(replies.at(-1)!));
  assert.equal(verifier?.end() ?? null, null);
  return replies;
}

function question(type: number, soaSerial?: number, opcode: number = opcodes.QUERY): Uint8Array {
  const writer = new MessageWriter();
  writer.start({ id: 99, opcode }, { key: zoneKey, type, class: 1 });
  if (soaSerial !== undefined) {
    const data = `\0\0${u32Octets(soaSerial)}${"\0".repeat(16)}`;
    writer.add(sections.authority, { owner: zoneKey, type: types.SOA, ttlSeconds: 0, data });
  }
  writer.addOpt();
  return writer.finish();
}

/** "add www 300 A 192.0.2.1", "del www A 192.0.2.1", "del www A", "del www", "nx www A". */
function update(lines: readonly string[], zone = zoneKey, type: number = types.SOA): Uint8Array {
  const writer = new MessageWriter();
  writer.start({ id: 77, opcode: opcodes.UPDATE }, { key: zone, type, class: 1 });
  const sorted = [...lines].sort((a, b) => Number(b.startsWith("nx")) - Number(a.startsWith("nx")));
  for (const line of sorted) {
    const [verb, name = "", ...rest] = line.split(" ");
    const owner = name === "@" ? zone : key(name.endsWith(".") ? name : `${name}.example.org`);
    const ttlSeconds = verb === "add" ? Number(rest.shift()) : 0;
    const recordType = rest[0] === undefined ? types.ANY : typeCode(rest[0]);
    const value = rest.slice(1).join(" ");
    const data = value === "" ? "" : value === "broken" ? "x" : parseData(recordType, value, { formOnly: true });
    const recordClass = verb === "nx" || verb === "del" && data !== ""
      ? classes.NONE
      : verb === "del"
      ? classes.ANY
      : classes.IN;
    const section = verb === "nx" ? sections.answer : sections.authority;
    assert.ok(writer.add(section, { owner, type: recordType, class: recordClass, ttlSeconds, data }));
  }
  return writer.finish();
}

const shown = (replies: readonly RawMessage[]) =>
  replies.flatMap(({ answers }) => answers.map(({ type, owner }) => `${typeText(type)}${owner === zoneKey ? "@" : ""}`))
    .join(" ");

const isSoa = (type: number | undefined) => type === types.SOA;

Deno.test("ZoneExchange gives zones only to peers, by address and key, and never whole over UDP", async () => {
  await using server = await nameServer();
  for (const name of ["k.example", "other.example"]) server.createKey(name);
  const zone = server.createZone("example.org", ["www 300 A 192.0.2.1"]);
  const peers = (...addresses: string[]) => {
    const secondaries = addresses.map((text) => {
      const [address = "", tsigKey = ""] = text.split(" ");
      return { address, tsigKey, tlsName: "" };
    });
    server.transfers.control.set(zone, { primaries: [], secondaries }, by);
  };
  for (
    const [allowed, tsigKey, over, want] of [
      [[], undefined, "tcp", "REFUSED"],
      [["127.0.0.0/8"], undefined, "tcp", "NOERROR SOA@ NS@ A SOA@"],
      [["192.0.2.0/24"], undefined, "tcp", "REFUSED"],
      [["127.0.0.1:53"], undefined, "tcp", "NOERROR SOA@ NS@ A SOA@"],
      [["127.0.0.2:53"], undefined, "tcp", "REFUSED"],
      // A key that isn't asked for does no harm.
      [["127.0.0.0/8"], "k.example", "tcp", "NOERROR SOA@ NS@ A SOA@"],
      [["0.0.0.0/0 k.example"], "k.example", "tcp", "NOERROR SOA@ NS@ A SOA@"],
      [["0.0.0.0/0 k.example"], "other.example", "tcp", "REFUSED"],
      [["0.0.0.0/0 k.example"], undefined, "tcp", "REFUSED"],
      [["192.0.2.0/24", "0.0.0.0/0 k.example"], "k.example", "tcp", "NOERROR SOA@ NS@ A SOA@"],
      [["127.0.0.0/8"], undefined, "udp", "REFUSED"],
    ] as const
  ) {
    peers(...allowed);
    const replies = await ask(
      { server, message: question(types.AXFR), over, ...(tsigKey === undefined ? {} : { tsigKey }) },
      ({ rcode, answers }) => rcode !== 0 || isSoa(answers.at(-1)?.type),
    );
    assert.equal(`${rcodeText(replies[0]!.rcode)} ${shown(replies)}`.trim(), want, `${allowed} ${tsigKey} ${over}`);
  }
});

Deno.test("ZoneExchange sends differences where it has them, the zone where not, the SOA where nothing is newer", async () => {
  await using server = await nameServer();
  const zone = server.createZone("example.org", ["www 300 A 192.0.2.1"]);
  server.transfers.control.set(zone, {
    primaries: [],
    secondaries: [{ address: "127.0.0.0/8", tsigKey: "", tlsName: "" }],
  }, by);
  const first = server.store.zones.get(zone).serial;
  server.store.add(zone, "b 300 A 192.0.2.2");
  const last = server.store.add(zone, "c 300 A 192.0.2.3");
  for (
    const [held, over, want] of [
      [last, "tcp", "SOA@"],
      [last + 5, "tcp", "SOA@"],
      [first, "tcp", "SOA@ SOA@ SOA@ A SOA@ SOA@ A SOA@"],
      [last - 1, "tcp", "SOA@ SOA@ SOA@ A SOA@"],
      [7, "tcp", "SOA@ NS@ A A A SOA@"],
      // Over UDP the SOA says: come by TCP (RFC 1995 §2).
      [first, "udp", "SOA@"],
    ] as const
  ) {
    const replies = await ask({ server, message: question(types.IXFR, held), over });
    assert.equal(shown(replies), want, `${held} ${over}`);
    assert.equal(replies[0]!.authoritative, true);
  }
  assert.equal((await ask({ server, message: question(types.IXFR), over: "tcp" }))[0]!.rcode, 1, "IXFR without SOA");
});

Deno.test("ZoneExchange answers signed queries, signed, and says what is wrong with signatures", async () => {
  await using server = await nameServer();
  server.createKey("k.example");
  server.createZone("example.org", Array.from({ length: 60 }, (_, i) => `many AAAA 2001:db8::${(i + 1).toString(16)}`));
  const writer = new MessageWriter();
  const queryOf = (name: string, type: number) => {
    writer.start({ id: 5, opcode: opcodes.QUERY }, { key: key(name), type, class: 1 });
    return writer.finish();
  };
  const [plain] = await ask({ server, message: queryOf("example.org", types.SOA), tsigKey: "k.example" });
  assert.equal(shown([plain!]), "SOA@");
  assert.ok(plain!.tsig !== null);
  const [cut] = await ask({ server, message: queryOf("many.example.org", types.AAAA), tsigKey: "k.example" });
  assert.equal(cut!.truncated, true);
  assert.ok(cut!.tsig !== null && cut!.packet.length <= 512, "a cut reply is signed too");
  const [whole] = await ask({
    server,
    message: queryOf("many.example.org", types.AAAA),
    tsigKey: "k.example",
    over: "tcp",
  });
  assert.equal(whole!.answers.length, 60);

  const wrong = signRequest(queryOf("example.org", types.SOA), {
    name: key("k.example"),
    algorithm: "hmac-sha256",
    secret: new Uint8Array(32),
  }, systemClock).packet;
  const reply = readRawMessage((await askUdp(server.address, wrong))!)!;
  assert.equal(rcodeText(reply.rcode), "NOTAUTH");
  assert.equal(reply.tsig!.error, tsigErrors.BADSIG);
  assert.equal(reply.tsig!.mac.length, 0);
  assert.equal(reply.answers.length, 0);
});

Deno.test("UpdateHandler carries out what the key's scope allows, and it is in the next answer", async () => {
  await using server = await nameServer();
  const scopes = (...names: string[]): ScopeText[] => [{ zone: "example.org", names, types: [] }];
  server.createKey("all.example", scopes("**"));
  server.createKey("acme.example", [{ zone: "example.org", names: ["_acme-challenge.**"], types: ["TXT"] }]);
  server.createKey("lan.example", scopes("*.lan"));
  server.createKey("none.example");
  server.createKey("net.example", [{ zone: "example.net", names: ["**"], types: [] }]);
  const zone = server.createZone("example.org", ["www 300 A 192.0.2.1", "web 300 CNAME www.example.org"]);
  server.createSecondary("example.net", "127.0.0.1:1");
  for (
    const [tsigKey, lines, rcode, asked, want] of [
      ["all.example", ["add new 60 A 192.0.2.9"], "NOERROR", "new A", "60 192.0.2.9"],
      ["all.example", ["nx new", "add new 60 A 192.0.2.8"], "YXDOMAIN", "new A", "60 192.0.2.9"],
      ["all.example", ["nx old", "add old 60 A 192.0.2.8", "del new"], "NOERROR", "new A", "no_name"],
      ["all.example", ["add www 120 A 192.0.2.2"], "NOERROR", "www A", "120 192.0.2.1 192.0.2.2"],
      ["all.example", ["del www A 192.0.2.1"], "NOERROR", "www A", "120 192.0.2.2"],
      ["all.example", ["del web CNAME", "add web 60 TXT hello"], "NOERROR", "web TXT", '60 "hello"'],
      ["all.example", ["add @ 300 NS ns2.example.net"], "NOERROR", "@ NS", "300 ns1.example.org ns2.example.net"],
      ["all.example", ["del @ NS ns1.example.org"], "NOERROR", "@ NS", "300 ns2.example.net"],
      ["all.example", ["add x 60 A broken"], "FORMERR", "x A", "no_name"],
      ["all.example", ["add x.example.net. 60 A 192.0.2.9"], "NOTZONE", "x A", "no_name"],
      ["all.example", ["add x 60 DNSKEY 256 3 15 AAAA"], "REFUSED", "x A", "no_name"],
      // A rule for those who write records: a digest of SHA-256 has 32 octets.
      ["all.example", ["add x 60 TLSA 3 1 1 00ff"], "REFUSED", "x A", "no_name"],
      ["acme.example", ["add _acme-challenge 60 TXT token"], "NOERROR", "_acme-challenge TXT", '60 "token"'],
      ["acme.example", ["add _acme-challenge.www 60 TXT t"], "NOERROR", "_acme-challenge.www TXT", '60 "t"'],
      ["acme.example", ["del _acme-challenge TXT"], "NOERROR", "_acme-challenge TXT", "no_name"],
      ["acme.example", ["add _acme-challenge 60 A 192.0.2.9"], "REFUSED", "_acme-challenge A", "no_name"],
      ["acme.example", ["add _acme-challenge 60 TXT t", "add y 60 TXT t"], "REFUSED", "_acme-challenge TXT", "no_name"],
      ["lan.example", ["add pc.lan 60 A 192.0.2.9"], "NOERROR", "pc.lan A", "60 192.0.2.9"],
      ["lan.example", ["add lan 60 A 192.0.2.9"], "REFUSED", "lan A", "no_data"],
      ["none.example", ["add x 60 A 192.0.2.9"], "REFUSED", "x A", "no_name"],
      ["net.example", ["nx www", "add x 60 A 192.0.2.9"], "REFUSED", "x A", "no_name"],
      [undefined, ["add x 60 A 192.0.2.9"], "REFUSED", "x A", "no_name"],
    ] as const
  ) {
    const [reply] = await ask({ server, message: update(lines), ...(tsigKey === undefined ? {} : { tsigKey }) });
    const title = `${tsigKey}: ${lines.join("; ")}`;
    assert.equal(rcodeText(reply!.rcode), rcode, title);
    assert.equal(reply!.opcode, opcodes.UPDATE, title);
    const [name, type] = asked.split(" ");
    const full = name === "@" ? "example.org" : `${name}.example.org`;
    assert.equal(lookUp(server.store.directory, `${full} ${type}`), want, title);
  }
  const [change] = server.store.changes.list(zone, null, { limit: 1, before: null });
  assert.equal(change?.actor, "tsig:lan.example");
  assert.equal(server.transfers.counters.updates, 11);

  const rcodeOf = async (message: Uint8Array, tsigKey: string) =>
    rcodeText((await ask({ server, message, tsigKey }))[0]!.rcode);
  assert.equal(await rcodeOf(update([], key("example.com")), "all.example"), "NOTAUTH");
  assert.equal(await rcodeOf(update([], zoneKey, types.A), "all.example"), "FORMERR");
  // A secondary of ours: updates go to its primary.
  assert.equal(await rcodeOf(update([], key("example.net")), "net.example"), "REFUSED");
});

Deno.test("ZoneExchange takes NOTIFY from the zone's primaries only", async () => {
  await using server = await nameServer();
  server.createKey("k.example");
  server.createKey("other.example");
  const notify = question(types.SOA, 5, opcodes.NOTIFY);
  const rcodeOf = async (tsigKey?: string) => {
    const [reply] = await ask({ server, message: notify, ...(tsigKey === undefined ? {} : { tsigKey }) });
    return rcodeText(reply!.rcode);
  };
  assert.equal(await rcodeOf(), "NOTAUTH");
  const zone = server.createSecondary("example.org", "127.0.0.1:1", { tsigKey: "k.example" });
  assert.equal(await rcodeOf("k.example"), "NOERROR");
  assert.equal(await rcodeOf("other.example"), "REFUSED");
  assert.equal(await rcodeOf(), "REFUSED");
  server.transfers.control.set(zone, {
    primaries: [{ address: "127.0.0.9:1", tsigKey: "", tlsName: "" }],
    secondaries: [],
  }, by);
  assert.equal(await rcodeOf(), "REFUSED");
});

Deno.test("ZoneExchange answers broken and odd messages with FORMERR, and lives on", async () => {
  await using server = await nameServer();
  server.createKey("k.example", [{ zone: "example.org", names: ["**"], types: [] }]);
  server.createZone("example.org", ["www 300 A 192.0.2.1"]);
  const good = signRequest(
    update(["add x 60 MX 10 mail.example.org"]),
    server.stores.keys.find(key("k.example"))!,
    systemClock,
  );
  for (let at = 12; at < good.packet.length; at += 3) {
    const broken = good.packet.map((octet, i) => i === at ? octet ^ 0xff : octet);
    const reply = await askUdp(server.address, broken);
    assert.ok(reply !== null && (reply[3]! & 15) !== 0, `octet ${at}: ${reply}`);
  }
  assert.equal(lookUp(server.store.directory, "x.example.org MX"), "no_name");
  assert.equal(
    (await ask({ server, message: update(["add x 60 MX 10 mail.example.org"]), tsigKey: "k.example" }))[0]!.rcode,
    0,
  );
});

Deno.test("ZoneExchange doesn't let strangers fill the log with what they are refused", async () => {
  const lines: string[] = [];
  const log = createLogger({ service: "mcns", write: (line) => lines.push(line) });
  await using server = await nameServer({ log });
  server.createZone("example.org");
  const messages = [update(["add www 300 A 192.0.2.1"]), question(types.SOA, undefined, opcodes.NOTIFY)];
  await using client = await DnsStreamClient.connect(server.address);
  for (let i = 0; i < 200; i++) {
    await client.ask(messages[i % 2]!);
    await client.next();
  }
  assert.equal(server.transfers.counters.updatesRefused, 100);
  const told = lines.filter((line) => line.includes("refused")).length;
  assert.ok(told >= 50 && told < 70, `${told} lines`);
});
