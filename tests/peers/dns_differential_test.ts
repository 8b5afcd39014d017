/**
 * MCNS, Knot and BIND answer the same generated questions, each a real process: 20,000 per zone, unsigned, signed with
 * NSEC, signed with NSEC3; and 5,000 per small zone in which wildcards, cuts and DNAMEs stand in each other's way, the last
 * one with opt-out. Every difference from either must be explained by an RFC, and its kind is listed; one that isn't fails.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "@lib/testing/mod.ts";
import type { Message, WireRecord } from "../../services/mcns/dns/message.ts";
import { DomainName, isAtOrBelow } from "../../services/mcns/domain/name.ts";
import { readSoa } from "../../services/mcns/domain/rdata/record_data.ts";
import { types, typeText } from "../../services/mcns/domain/rdata/record_type.ts";
import { parseZoneFile } from "../../services/mcns/domain/zone_file/parse_zone_file.ts";
import type { RecordSet } from "../../services/mcns/domain/zone.ts";
import { joinSigned } from "../../services/mcns/store/published.ts";
import type { ZoneStores } from "../../services/mcns/store/zone_stores.ts";
import { freePortsBase } from "../platform.ts";
import { startBind, startKnot } from "./dns_servers.ts";
import {
  type GeneratedZone,
  generateNestedZone,
  generateQueries,
  generateZone,
  type Query,
} from "./dns_zone_generator.ts";
import { McnsProcess } from "./mcns_process.ts";
import { askAll, askAllUdp } from "./pipelined_asker.ts";
import { withTools } from "./tools.ts";

const queriesPerZone = 20_000;
/** Of a nested zone, which has few names. */
const queriesPerNested = 5000;
const queriesOverUdp = 3000;
const seed = 20_261_121;

Deno.test({
  ...withTools("MCNS answers as Knot and BIND do", "knotd", "named", "dnssec-signzone", "dnssec-keygen"),
  async fn(t) {
    // As MCNS exports it, so that the serial is the same everywhere.
    const plain = { ...generateZone(seed, "plain.example", 600) };
    const zones = [
      plain,
      await signed(generateZone(seed + 1, "nsec.example", 400), []),
      await signed(generateZone(seed + 2, "nsec3.example", 400), ["-3", "-", "-H", "0"]),
      generateNestedZone(seed + 3, "nested.example"),
      await signed(generateNestedZone(seed + 4, "nested-nsec.example"), []),
      await signed(generateNestedZone(seed + 5, "nested-nsec3.example"), ["-3", "abcd", "-H", "2", "-A"]),
    ];
    const base = freePortsBase();
    await using mcns = await McnsProcess.start({
      fill: async (stores) => {
        const name = DomainName.parse(plain.origin, "zone");
        await stores.files.import(name, plain.text, { dryRun: false, create: true }, by);
        plain.text = stores.files.export(name, false).text;
        for (const zone of zones.slice(1)) load(stores, zone);
      },
    });
    await using knot = await startKnot(base + 10, zones);
    await using bind = await startBind(base + 11, zones);
    for (const zone of zones) {
      const count = zone.origin.startsWith("nested") ? queriesPerNested : queriesPerZone;
      await t.step(`${zone.origin}: ${count} queries`, async () => {
        const queries = generateQueries(seed, zone, count);
        const ports = [mcns.port, knot.port, bind.port];
        const overTcp = await Promise.all(ports.map((port) => askAll(port, queries)));
        // Some over UDP as well: what doesn't fit is cut off in the same places.
        const overUdp = await Promise.all(ports.map((port) => askAllUdp(port, queries.slice(0, queriesOverUdp))));
        const [ours, knots, binds] = ports.map((_, i) => [...overTcp[i]!, ...overUdp[i]!]) as [
          (Message | null)[],
          (Message | null)[],
          (Message | null)[],
        ];
        const differences = new Map<string, number>();
        const unexplained: string[] = [];
        [...queries, ...queries.slice(0, queriesOverUdp)].forEach((query, i) => {
          for (const [name, theirs] of [["Knot", knots[i]!], ["BIND", binds[i]!]] as const) {
            for (const { part, mine, other } of compare(ours[i]!, theirs)) {
              const reason = explain(name, query, part, ours[i]!, theirs, knots[i]!);
              if (reason === null) {
                unexplained.push(
                  `${query.name} ${typeText(query.type)}${
                    query.dnssecOk ? " DO" : ""
                  } ${part}\n  MCNS ${mine}\n  ${name} ${other}`,
                );
              } else differences.set(`${name}: ${reason}`, (differences.get(`${name}: ${reason}`) ?? 0) + 1);
            }
          }
        });
        for (const [reason, count] of differences) console.log(`    ${count} × ${reason}`);
        assert.equal(
          unexplained.length,
          0,
          `${unexplained.length} not explained:\n${unexplained.slice(0, 15).join("\n")}`,
        );
      });
    }
  },
});

const by = { actor: "test", remote: "" };

interface Difference {
  part: "rcode" | "flags" | "answer" | "authority" | "additional";
  mine: string;
  other: string;
}

function compare(mine: Message | null, other: Message | null): Difference[] {
  if (mine === null || other === null) return [{ part: "rcode", mine: String(mine), other: String(other) }];
  const differences: Difference[] = [];
  const check = (part: Difference["part"], a: string, b: string) => {
    if (a === b) return;
    const mine = a.split(" | "), other = b.split(" | ");
    differences.push({
      part,
      mine: mine.filter((one) => !other.includes(one)).join(" | "),
      other: other.filter((one) => !mine.includes(one)).join(" | "),
    });
  };
  check("rcode", String(mine.rcode), String(other.rcode));
  check("flags", `aa ${mine.authoritative} tc ${mine.truncated}`, `aa ${other.authoritative} tc ${other.truncated}`);
  check("answer", shown(mine.answers), shown(other.answers));
  check("authority", shown(mine.authorities), shown(other.authorities));
  check("additional", shown(mine.additionals), shown(other.additionals));
  return differences;
}

/** Sorted, letter case folded: the order of records in a section and the case of names mean nothing. */
function shown(records: readonly WireRecord[]): string {
  return records.map(({ owner, type, ttlSeconds, data }) => {
    const octets = data.map((octet) => octet >= 65 && octet <= 90 ? octet + 32 : octet);
    return `${DomainName.fromKey(owner.toLowerCase()).text} ${ttlSeconds} ${typeText(type)} ${octets.toHex()}`;
  }).sort().join(" | ");
}

/** Why a difference is none, or null. */
function explain(
  server: "Knot" | "BIND",
  query: Query,
  part: Difference["part"],
  ours: Message | null,
  theirs: Message | null,
  knots: Message | null,
): string | null {
  if (ours === null || theirs === null) return null;
  if (ours.truncated && theirs.truncated) {
    return "both say TC: what else is in such a reply means nothing (RFC 2181 §9)";
  }
  if (part === "additional") {
    // RFC 1034 §3.7, RFC 2181 §5.4.1: a courtesy beyond glue; what is there must only be true.
    if (ours.answers.length > 0) return "additional section of an answer is optional (RFC 1034 §3.7)";
    const cut = ours.authorities.find(({ type }) => type === types.NS)?.owner;
    const glue = ours.additionals.filter(({ owner }) => cut !== undefined && isAtOrBelow(owner, cut));
    if (
      isReferral(ours) && isSubset(theirs.additionals, ours.additionals, 0) && isSubset(glue, theirs.additionals, 0)
    ) {
      return `${server} leaves out addresses of name servers outside the cut (RFC 9471 §3.2 asks for those inside)`;
    }
  }
  if (
    part === "authority" && server === "Knot" && query.name.startsWith("*.") && ours.rcode === 0 &&
    isSubset(theirs.authorities, ours.authorities, 0)
  ) {
    return "Knot leaves out that a name beginning with * isn't there, where another wildcard stands for it (RFC 5155 §7.2.5)";
  }
  if (theirs.answers.length >= manyLinks) {
    return "a chain that goes round ends where each server has enough of it";
  }
  if (
    part === "authority" && query.dnssecOk && ours.answers.length === 0 && ours.rcode === 0 &&
    isSubset(theirs.authorities, ours.authorities) && ours.authorities.some(({ type }) => type === types.NSEC)
  ) {
    return `${server} leaves out the NSEC that shows that the wildcard is only there for a name below it (RFC 4035 §3.1.3.4)`;
  }
  if (part === "answer" && query.type === types.RRSIG && isSubset(theirs.answers, ours.answers)) {
    return `${server} answers a question for RRSIG with one of them, BIND over UDP only (RFC 8482 §4.1 allows a subset)`;
  }
  if (
    query.type === types.NSEC && server === "Knot" && part === "authority" &&
    isSubset(theirs.authorities, ours.authorities, 0)
  ) {
    return "Knot leaves out the NSEC that proves a wildcard's answer where NSEC itself was asked for (RFC 4035 §3.1.3.3)";
  }
  if (query.type === types.NSEC && server === "BIND" && theirs.authoritative && isReferral(ours) && isReferral(knots)) {
    return "BIND answers for NSEC at a delegation itself; only DS is excepted from referral (RFC 4035 §3.1.4.1)";
  }
  return null;
}

/** Records of an answer that only a chain without an end has: Knot follows 5 links, a DNAME's CNAME counted apart. */
const manyLinks = 6;

function isReferral(message: Message | null): boolean {
  return message !== null && !message.authoritative && message.authorities.some(({ type }) => type === types.NS);
}

function isSubset(some: readonly WireRecord[], all: readonly WireRecord[], atLeast = 1): boolean {
  const whole = new Set(all.map((one) => shown([one])));
  return some.length >= atLeast && some.every((one) => whole.has(shown([one])));
}

/** Signs with BIND's tools; every server then answers the very same signatures. */
async function signed(zone: GeneratedZone, options: readonly string[]): Promise<GeneratedZone> {
  const folder = await Deno.makeTempDir({ prefix: "sign-" });
  try {
    const tool = async (program: string, args: readonly string[]) => {
      const ran = await run(program, [...args], { cwd: folder });
      assert.equal(ran.code, 0, ran.stderr);
    };
    await Deno.writeTextFile(join(folder, "zone"), zone.text);
    await tool("dnssec-keygen", ["-q", "-a", "ED25519", "-f", "KSK", zone.origin]);
    await tool("dnssec-keygen", ["-q", "-a", "ED25519", zone.origin]);
    await tool("dnssec-signzone", [
      "-q",
      "-S",
      "-P",
      "-O",
      "full",
      ...options,
      "-o",
      zone.origin,
      "-f",
      "signed",
      "zone",
    ]);
    return { ...zone, text: await Deno.readTextFile(join(folder, "signed")) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Puts the file in as a secondary has it from its primary: signatures and all, serial kept. */
function load({ editor }: ZoneStores, zone: GeneratedZone): void {
  const name = DomainName.parse(zone.origin, "zone");
  const records = parseZoneFile(zone.text, { origin: name, formOnly: true });
  const soaRecord = records.find(({ type }) => type === types.SOA)!;
  const { primaryNs, mailbox, ...times } = readSoa(soaRecord.data);
  const changes = new Map<string, RecordSet[]>();
  for (const [owner, ofName] of Map.groupBy(records, ({ owner }) => owner)) changes.set(owner, joinSigned([], ofName));
  const settings = { primaryNs: primaryNs.text, adminEmail: mailbox.text, ...times };
  editor.create(name, { settings, kind: "secondary" }, by);
  editor.replicate(name, { soa: { ...settings, ttlSeconds: soaRecord.ttlSeconds }, changes }, by);
}
