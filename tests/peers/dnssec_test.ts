/** Signed zones as others see them: BIND, ldns and Knot verify them whole, delv validates answers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "@lib/testing/mod.ts";
import type { SigningPolicy } from "../../services/mcns/domain/signing_policy.ts";
import { MemorySignedZone, structureOf } from "../../services/mcns/testing/memory_signed_zone.ts";
import { randomChange, randomFrom } from "../../services/mcns/testing/random_zone.ts";
import { signedServer } from "./signed_server.ts";
import { withTools } from "./tools.ts";
import { assertVerified, zoneVerifiers } from "./zone_verifiers.ts";

/** Delegations with and without DS, wildcards, empty non-terminals, DNAME, glue, many types. */
const lines = [
  "ns1 A 127.0.0.1",
  "@ MX 10 mail",
  "mail A 192.0.2.2",
  "www A 192.0.2.1",
  "www AAAA 2001:db8::1",
  "alias CNAME www",
  "*.wild TXT hi",
  "a.b.c.ent A 192.0.2.7",
  "sub NS ns.sub",
  "ns.sub A 192.0.2.9",
  `sec NS ns.sub`,
  `sec DS 60485 13 2 ${"D4".repeat(32)}`,
  "x.deep.cut NS ns.elsewhere.net.",
  "dn DNAME elsewhere.net.",
  "_sip._tcp SRV 1 2 5060 www",
  "svc HTTPS 1 . alpn=h2 port=8443",
  "odd TYPE65280 \\# 3 0A0B0C",
  "\\001\\.odd TXT octets",
];

const policies: Partial<SigningPolicy>[] = (["ed25519", "ecdsap256sha256"] as const).flatMap((algorithm) =>
  (["nsec", "nsec3"] as const).flatMap((denial) => [false, true].map((splitKeys) => ({ algorithm, denial, splitKeys })))
);
const named = ({ algorithm, denial, splitKeys }: Partial<SigningPolicy>) =>
  `${algorithm} ${denial} ${splitKeys ? "KSK+ZSK" : "CSK"}`;

Deno.test({
  ...withTools(
    "dnssec-verify, ldns-verify-zone and knotc accept signed zones, and after each of 200 random changes",
    ...zoneVerifiers.map(({ tool }) => tool),
  ),
  async fn(t) {
    for (const policy of policies) {
      await t.step(named(policy), async () => {
        const zone = new MemorySignedZone("example.org", lines, policy, () => Date.now());
        await assertVerified("example.org", zone.text(), policy.splitKeys === true, "first signed");
        const random = randomFrom(4711);
        // Chains don't depend on the algorithm, and P-256 takes twenty times as long.
        for (let i = 1; i <= (policy.algorithm === "ed25519" ? 200 : 20); i++) {
          const change = randomChange(random);
          zone.put(...change);
          assert.deepEqual(structureOf(zone.zone), structureOf(zone.fromScratch()), `change ${i}: ${change}`);
          if (i % 20 === 0) {
            await assertVerified("example.org", zone.text(), policy.splitKeys === true, `change ${i}: ${change}`);
          }
        }
      });
    }
  },
});

Deno.test({
  ...withTools(
    "the verifiers reject a zone with a wrong record, signature or chain",
    ...zoneVerifiers.map(({ tool }) => tool),
  ),
  async fn() {
    const policy = { algorithm: "ed25519", denial: "nsec", splitKeys: true } as const;
    const good = new MemorySignedZone("example.org", lines, policy, () => Date.now()).text();
    const bad: [string, string][] = [
      ["a changed address", good.replace(/192\.0\.2\.1$/m, "192.0.2.3")],
      ["a missing signature", good.replace(/^www .* RRSIG +A .*\n/m, "")],
      ["a missing NSEC", good.replace(/^mail .* NSEC .*\n/m, "")],
    ];
    for (const [what, text] of bad) {
      assert.notEqual(text, good, what);
      await assert.rejects(assertVerified("example.org", text, true, what), what);
    }
  },
});

/** What delv says first: "; fully validated", and of what isn't there "; negative response, fully validated". */
async function delv(port: number, folder: string, zone: string, question: string): Promise<string> {
  const args = [`@127.0.0.1`, "-p", String(port), "-a", join(folder, `${zone}.anchors`), `+root=${zone}`];
  const { stdout, stderr } = await run("delv", [...args, ...question.split(" ")]);
  return stdout + stderr;
}

function writeAnchors(folder: string, zone: string, anchors: readonly string[]): void {
  const keys = anchors.map((line) => {
    const [, flags, protocol, algorithm, key] = /DNSKEY (\d+) (\d+) (\d+) (\S+)$/.exec(line)!;
    return `  ${zone}. static-key ${flags} ${protocol} ${algorithm} "${key}";\n`;
  });
  Deno.writeTextFileSync(join(folder, `${zone}.anchors`), `trust-anchors {\n${keys.join("")}};\n`);
}

Deno.test({
  ...withTools("delv validates what is there, what isn't, and what a wildcard stands for", "delv"),
  async fn(t) {
    await using signed = await signedServer();
    const folder = await Deno.makeTempDir({ prefix: "dnssec-" });
    try {
      for (const policy of policies) {
        await t.step(named(policy), async () => {
          const name = `${named(policy).toLowerCase().replaceAll(/[^a-z0-9]/g, "")}.example`;
          const zone = signed.createZone(name, lines.map((line) => parsable(line, name)));
          const { trustAnchors } = await signed.sign(zone, policy);
          writeAnchors(folder, name, trustAnchors);
          const fully = /^; fully validated/m, negative = /^; negative response, fully validated/m;
          const rows: [question: string, want: RegExp, also?: RegExp][] = [
            ["www A", fully, /192\.0\.2\.1/],
            ["www AAAA", fully],
            ["@ SOA", fully],
            ["@ DNSKEY", fully],
            ["alias A", fully, /CNAME/],
            ["anything.at.all.wild TXT", fully, /"hi"/],
            ["_sip._tcp SRV", fully],
            ["odd TYPE65280", fully],
            ["svc HTTPS", fully],
            ["sec DS", fully],
            ["nope A", negative, /ncache nxdomain/],
            ["no.such.name.at.all A", negative, /ncache nxdomain/],
            ["www TXT", negative, /ncache nxrrset/],
            ["c.ent A", negative, /ncache nxrrset/],
            ["wild A", negative, /ncache nxrrset/],
            ["x.wild A", negative, /ncache nxrrset/],
            ["sub DS", negative, /ncache nxrrset/],
            ["deep.cut A", negative, /ncache nxrrset/],
          ];
          for (const [question, want, also] of rows) {
            const [owner, type] = question.split(" ");
            const asked = `${owner === "@" ? "" : `${owner}.`}${name} ${type}`;
            const said = await delv(signed.port, folder, name, asked);
            assert.match(said, want, `${asked}: ${said}`);
            if (also !== undefined) assert.match(said, also, asked);
          }
          // A change is validated at once.
          signed.server.store.add(zone, "www 1 A 192.0.2.200");
          assert.match(await delv(signed.port, folder, name, `www.${name} A`), /^; fully validated[^]*192\.0\.2\.200/m);
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  ...withTools("delv validates all the while that a zone goes from NSEC to NSEC3 and back", "delv"),
  async fn() {
    await using signed = await signedServer();
    const folder = await Deno.makeTempDir({ prefix: "dnssec-" });
    try {
      const name = "change.example";
      const many = Array.from({ length: 1500 }, (_, i) => `n${i}.d${i % 9} A 192.0.2.1`);
      const zone = signed.createZone(name, ["ns1 A 127.0.0.1", ...many]);
      const { trustAnchors } = await signed.sign(zone, { algorithm: "ed25519", denial: "nsec" });
      writeAnchors(folder, name, trustAnchors);
      for (const denial of ["nsec3", "nsec"] as const) {
        let isChanging = true, asked = 0;
        const changing = signed.sign(zone, { algorithm: "ed25519", denial }).finally(() => isChanging = false);
        while (isChanging) {
          for (const question of [`no.${name} A`, `n7.d7.${name} TXT`, `d3.${name} A`, `no.such.d5.${name} A`]) {
            assert.match(await delv(signed.port, folder, name, question), /^; negative response, fully validated/m);
            asked++;
          }
        }
        assert.equal((await changing).denial, denial);
        assert.ok(asked >= 8, `${asked} questions were asked meanwhile`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** The API takes names in full: those of the zone's lines are relative. */
function parsable(line: string, zone: string): string {
  return line
    .replace(/^(\S+ (?:NS|CNAME|DNAME|MX \d+|SRV \d+ \d+ \d+)) ([^ ]*[^. ])$/, `$1 $2.${zone}.`);
}
