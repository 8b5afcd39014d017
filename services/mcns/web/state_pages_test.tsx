import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import { DnssecSchema } from "@proto/mcns/v1/dnssec_pb.ts";
import { TransferSchema } from "@proto/mcns/v1/transfer_pb.ts";
import { StatsSchema } from "@proto/mcns/v1/mcns_pb.ts";
import { CacheFacts } from "./cache_page.tsx";
import type { Visit } from "@lib/web/mod.ts";
import { DnssecState, DsForm } from "./dnssec_page.tsx";
import { parsePeers, peerLines, TransferState } from "./transfers_page.tsx";

const now = Date.UTC(2026, 10, 21);
const hour = 3_600_000;

Deno.test("DnssecState shows keys, the DS to copy and what comes next", async () => {
  const state = create(DnssecSchema, {
    zone: "example.org",
    signed: true,
    algorithm: "ed25519",
    denial: "nsec3",
    keys: [{ tag: 12345, role: "csk", algorithm: "ed25519", state: "active", stateSince: timestampFromMs(now - hour) }],
    ds: ["example.org. 3600 IN DS 12345 15 2 ABCD"],
    nextEvent: "signatures are made anew",
    nextEventAt: timestampFromMs(now + 3 * hour),
    signaturesExpireAt: timestampFromMs(now + 240 * hour),
  });
  const html = String(await <DnssecState state={state} now={now} />);
  for (
    const want of [
      /ed25519, NSEC3/,
      /12345<\/th>[^]*CSK[^]*active[^]*1 h ago/,
      /<pre class="copy"[^>]*>example\.org\. 3600 IN DS 12345 15 2 ABCD<\/pre>/,
      /signatures are made anew <time[^>]*>in 3 h/,
      /First signature ends[^]*in 10 d/,
    ]
  ) assert.match(html, want);
  const unsigned = String(await <DnssecState state={create(DnssecSchema, { zone: "example.org" })} now={now} />);
  assert.match(unsigned, /not signed/);
});

Deno.test("DsForm asks the parent for the DS, or to take it away from a zone that becomes unsigned", async () => {
  const visit = { session: null } as Visit;
  const html = async (ds: string[]) => String(await <DsForm visit={visit} state={create(DnssecSchema, { ds })} />);
  assert.match(await html(["example.org. 3600 IN DS 12345 15 2 ABCD"]), /Give these DS records/);
  assert.match(await html([]), /remove its DS records[^]*The parent has no DS records any more/);
});

Deno.test("TransferState says loudly that a secondary fails or has expired", async () => {
  const state = create(TransferSchema, {
    zone: "example.net",
    kind: "secondary",
    primaries: [{ address: "192.0.2.1:53", tsigKey: "k", tlsName: "ns.example.net" }],
    checkedAt: timestampFromMs(now - hour),
    error: "192.0.2.1:53: <refused>",
    expired: true,
  });
  const html = String(await <TransferState state={state} now={now} />);
  assert.match(html, /role="alert">[^<]*expired/);
  assert.match(html, /192\.0\.2\.1:53: &lt;refused&gt;/);
  assert.match(html, /192\.0\.2\.1:53<\/span>[^]*TSIG k[^]*TLS ns\.example\.net/);
});

Deno.test("parsePeers reads what peerLines writes", () => {
  const peers = [
    { address: "192.0.2.1:53", tsigKey: "", tlsName: "" },
    { address: "[2001:db8::1]:853", tsigKey: "key.example", tlsName: "ns.example.org" },
    { address: "198.51.100.0/24", tsigKey: "k", tlsName: "" },
  ];
  const { secondaries } = create(TransferSchema, { secondaries: peers });
  assert.deepEqual(parsePeers(peerLines(secondaries), "secondaries"), peers);
  assert.deepEqual(parsePeers("\r\n  \r\n 192.0.2.1:53   key=a \r\n", "secondaries"), [{ ...peers[0], tsigKey: "a" }]);
});

Deno.test("parsePeers takes no word that it doesn't know: a peer would be let in without its key", () => {
  for (const word of ["tsig=a", "key:a", "a", "key=", "tls="]) {
    assert.throws(() => parsePeers(`192.0.2.1:53 ${word}`, "secondaries"), {
      code: "invalid",
      field: "secondaries",
      message: `secondaries: an address is followed by key=NAME or tls=NAME, got "${word}"`,
    });
  }
});

Deno.test("CacheFacts tells how many of the forwarded answers came from the cache", async () => {
  const share = async (cacheHits: bigint, answersForwarded: bigint) =>
    /From the cache<\/dt><dd>([^<]*)</.exec(
      String(await <CacheFacts stats={create(StatsSchema, { cacheHits, answersForwarded })} />),
    )![1];
  // A hit is a forwarded answer, too.
  assert.deepEqual([await share(3n, 4n), await share(4n, 4n), await share(0n, 0n)], ["75 %", "100 %", "–"]);
});
