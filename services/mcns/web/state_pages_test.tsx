import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import { DnssecSchema } from "@proto/mcns/v1/dnssec_pb.ts";
import { TransferSchema } from "@proto/mcns/v1/transfer_pb.ts";
import { DnssecState } from "./dnssec_page.tsx";
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
  assert.deepEqual(parsePeers(peerLines(secondaries)), peers);
  assert.deepEqual(parsePeers("\r\n  \r\n 192.0.2.1:53   key=a \r\n"), [{ ...peers[0], tsigKey: "a" }]);
});
