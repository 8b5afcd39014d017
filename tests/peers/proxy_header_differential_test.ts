/**
 * Two thousand PROXY headers, sound and mutated, as MC-Proxy's parser, HAProxy and nginx read them.
 */
import assert from "node:assert/strict";
import { seeded } from "@lib/testing/mod.ts";
import { parseProxyHeader } from "../../services/mcproxy/proxy_protocol/header.ts";
import { ipOctets, ipText } from "../../services/mcproxy/proxy_protocol/ip_octets.ts";
import { writeProxyV1, writeProxyV2 } from "../../services/mcproxy/proxy_protocol/write.ts";
import { freePort, startHaproxy, startNginx } from "./http_proxies.ts";
import { withTools } from "./tools.ts";

const count = 2000;
const request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** "192.0.2.1 1 > 192.0.2.2 2", "own" for the connection's own ends, "refused". */
type Reading = string;

function headers(seed: number): Uint8Array[] {
  const below = seeded(seed);
  const ends = [
    ["192.0.2.1", "198.51.100.2"],
    ["2001:db8::1", "2001:db8::ff"],
    ["192.0.2.1", "2001:db8::ff"],
  ].map(([source = "", destination = ""]) => ({
    source: { address: source, port: below(65536) },
    destination: { address: destination, port: below(65536) },
  }));
  const sound = [
    ...ends.flatMap((each) => [
      writeProxyV1(each),
      writeProxyV2(each),
      writeProxyV2(each, { checksum: false }),
      writeProxyV2(each, { authority: "a.test" }),
      writeProxyV2(each, { authority: "a.test", checksum: false }),
    ]),
    writeProxyV1(null),
    writeProxyV2(null),
    latin1("PROXY UNKNOWN something else\r\n"),
  ];
  return Array.from({ length: count }, (_, index) => {
    const octets = [...sound[index % sound.length]!];
    // Each as it is, too.
    if (index < sound.length) return Uint8Array.from(octets);
    const isText = octets[0] !== 13;
    for (let change = below(2); change >= 0; change--) {
      const at = below(octets.length);
      switch (below(4)) {
        case 0:
          octets[at] = isText ? " 0129:.aAfF\r\n\tx"[below(15)]!.charCodeAt(0) : below(256);
          break;
        case 1:
          octets.splice(at, 1);
          break;
        case 2:
          octets.splice(at, 0, isText ? " 0129:.\r"[below(8)]!.charCodeAt(0) : below(256));
          break;
        case 3:
          // Version, family and lengths are where the decisions are.
          if (!isText) {
            octets[12 + below(4)] = [0, 1, 12, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x31, 36, 255][below(12)]!;
          }
      }
    }
    return Uint8Array.from(octets);
  });
}

/** How we read it; null when it eats into the request behind it or leaves some of itself in front: HTTP decides then. */
function ours(header: Uint8Array): { reading: Reading; reason: string } | null {
  const parsed = parseProxyHeader(new Uint8Array([...header, ...latin1(request)]));
  if (parsed.kind === "incomplete") return null;
  if (parsed.kind === "malformed") return { reading: "refused", reason: parsed.reason };
  if (parsed.bytes !== header.length) return null;
  const { source, destination } = parsed;
  const reason = `v${parsed.version} ${parsed.command} ${parsed.transport}`;
  if (source === null || destination === null) return { reading: "own", reason };
  const reading = `${source.address} ${source.port} > ${destination.address} ${destination.port}`;
  return { reading, reason };
}

async function theirs(port: number, header: Uint8Array): Promise<Reading> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  let answer = "";
  try {
    await conn.write(new Uint8Array([...header, ...latin1(request)]));
    await conn.closeWrite();
    const buffer = new Uint8Array(4096);
    for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
      answer += String.fromCharCode(...buffer.subarray(0, read));
    }
  } catch {
    // Reset: whatever came before counts.
  }
  const body = /^HTTP\/1\.1 200 [^]*?\r\n\r\n([^\r\n]*)/.exec(answer)?.[1];
  if (body === undefined) return "refused";
  return body.startsWith("127.0.0.1 ") ? "own" : plain(body);
}

/** With each address in its one spelling: nginx shows them as they came. */
function plain(reading: string): string {
  return reading.split(" ").map((word) => {
    const octets = word.includes(":") ? ipOctets(word) : null;
    return octets === null ? word : ipText(octets);
  }).join(" ");
}

/** Where the three differ: who, how, and what we say about the header. § are of HAProxy's doc/proxy-protocol.txt. */
interface DifferenceClass {
  name: string;
  peers: readonly Peer[];
  ours: Kind;
  theirs: Kind;
  reason: RegExp;
}
type Peer = "haproxy" | "nginx";
type Kind = "named" | "own" | "refused";

const classes: readonly DifferenceClass[] = [
  {
    name: "§2.1: what follows UNKNOWN is ignored; HAProxy 2.6 takes nothing there",
    peers: ["haproxy"],
    ...{ ours: "own", theirs: "refused", reason: /^v1 proxy unknown$/ },
  },
  {
    name: "§2.2: UNSPEC as family or transport may be taken for the real ends, or refused",
    peers: ["haproxy"],
    ...{ ours: "own", theirs: "refused", reason: /^v2 proxy unknown$/ },
  },
  {
    name: "§2.2: clients that came by datagrams: we take the address, HAProxy none of them",
    peers: ["haproxy"],
    ...{ ours: "named", theirs: "refused", reason: /^v2 proxy datagram$/ },
  },
  {
    name: "§2.2: clients that came by datagrams: nginx takes the real ends",
    peers: ["nginx"],
    ...{ ours: "named", theirs: "own", reason: /^v2 proxy datagram$/ },
  },
  {
    name:
      "§2.1: numbers out of range overflow in HAProxy 2.6, zeros stand in front, octets follow the line's last number",
    peers: ["haproxy"],
    ...{ ours: "refused", theirs: "named", reason: /no TCP4 address$|not of the form|above 65535/ },
  },
  {
    name: "§2.2.2: an authority is UTF-8, and goes to logs: no control characters",
    peers: ["haproxy", "nginx"],
    ...{ ours: "refused", theirs: "named", reason: /authority/ },
  },
  {
    name: "§2.2: unassigned values are refused, with LOCAL, too",
    peers: ["haproxy", "nginx"],
    ...{ ours: "refused", theirs: "own", reason: /transport protocol|address family/ },
  },
  {
    name: "§2.2.3: a wrong checksum is refused; nginx verifies none",
    peers: ["nginx"],
    ...{ ours: "refused", theirs: "named", reason: /checksum/ },
  },
  {
    name: "§2.2: TLVs within their bounds; nginx reads none",
    peers: ["nginx"],
    ...{ ours: "refused", theirs: "named", reason: /TLV|ALPN|unique id|namespace/ },
  },
  {
    name: "§2.1: the address isn't read by nginx before somebody needs it",
    peers: ["nginx"],
    ...{ ours: "refused", theirs: "named", reason: /^version 1/ },
  },
  {
    name: "§2.1: the same, and then it is none",
    peers: ["nginx"],
    ...{ ours: "refused", theirs: "own", reason: /^version 1/ },
  },
  {
    name: "§2.2: addresses too short, unassigned commands, TLVs of a datagram's header; nginx takes the real ends",
    peers: ["nginx"],
    ...{ ours: "refused", theirs: "own", reason: /^version 2: (command|\d+ octets for addresses|TLV|a TLV|wrong)/ },
  },
];

function kindOf(reading: Reading): Kind {
  return reading === "own" || reading === "refused" ? reading : "named";
}

Deno.test({
  ...withTools(`parseProxyHeader reads ${count} headers as HAProxy and nginx do, or for a reason`, "haproxy", "nginx"),
  async fn() {
    const ports = { haproxy: freePort(), nginx: freePort() };
    await using _haproxy = await startHaproxy(`
defaults
  mode http
  timeout client 2s
  timeout server 2s
  timeout connect 2s
frontend all
  bind 127.0.0.1:${ports.haproxy} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] > %[dst] %[dst_port]"`);
    await using _nginx = await startNginx(`
http {
  set_real_ip_from 127.0.0.1;
  real_ip_header proxy_protocol;
  server {
    listen 127.0.0.1:${ports.nginx} proxy_protocol;
    return 200 "$remote_addr $proxy_protocol_port > $proxy_protocol_server_addr $proxy_protocol_server_port";
  }
}`);
    const hits = classes.map(() => 0);
    const alike = { haproxy: 0, nginx: 0 };
    const kinds = new Map<Kind, number>();
    const unexplained: string[] = [];
    for (const header of headers(4)) {
      const we = ours(header);
      if (we === null) continue;
      const kind = kindOf(we.reading);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      for (const peer of ["haproxy", "nginx"] as const) {
        const they = await theirs(ports[peer], header);
        if (we.reading === they) {
          alike[peer]++;
          continue;
        }
        const found = classes.findIndex((each) =>
          each.peers.includes(peer) && each.ours === kind && each.theirs === kindOf(they) &&
          each.ours !== each.theirs && each.reason.test(we.reason)
        );
        if (found >= 0) hits[found]!++;
        else unexplained.push(`${peer}: ${show(header)}: we ${we.reading} (${we.reason}), they ${they}`);
      }
    }
    const lines = classes.map(({ name, peers }, index) =>
      `${String(hits[index]).padStart(4)}  ${peers.join(", ")}: ${name}`
    );
    console.log([`alike: HAProxy ${alike.haproxy}, nginx ${alike.nginx}`, ...lines].join("\n"));
    assert.deepEqual(unexplained, []);
    for (const kind of ["named", "own", "refused"] as const) assert.ok((kinds.get(kind) ?? 0) > 100, `few ${kind}`);
  },
});

function show(header: Uint8Array): string {
  if (header[0] !== 13) return JSON.stringify(String.fromCharCode(...header));
  return [...header.subarray(12)].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}
