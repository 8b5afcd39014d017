import assert from "node:assert/strict";
import { hostPortOf, networkOf, parsePeer, type PeerRole } from "./zone_peer.ts";

const parse = (address: string, role: PeerRole = "secondary", tsigKey = "", tlsName = "") =>
  parsePeer({ address, tsigKey, tlsName }, role, "peer");

Deno.test("parsePeer reads addresses and networks into one spelling", () => {
  for (
    const [text, address, hostname, network] of [
      ["192.0.2.1:53", "192.0.2.1:53", "192.0.2.1", "192.0.2.1"],
      ["[2001:DB8:0::1]:5353", "[2001:db8::1]:5353", "2001:db8::1", "2001:db8::1"],
      ["192.0.2.0/24", "192.0.2.0/24", undefined, "192.0.2.0/24"],
      ["0.0.0.0/0", "0.0.0.0/0", undefined, "0.0.0.0/0"],
      ["2001:db8:0::/32", "2001:db8::/32", undefined, "2001:db8::/32"],
    ] as const
  ) {
    const peer = parse(text);
    assert.equal(peer.address, address, text);
    assert.equal(hostPortOf(peer)?.hostname, hostname, text);
    assert.equal(networkOf(peer), network, text);
  }
  assert.equal(parse("192.0.2.1:53", "primary", "K.Example.", "NS.Example").tsigKey, "k.example");
});

Deno.test("parsePeer says which part is wrong", () => {
  for (
    const [address, role, tsigKey, tlsName, field] of [
      ["192.0.2.1", "secondary", "", "", "peer.address"],
      ["192.0.2.1:0", "secondary", "", "", "peer.address"],
      ["192.0.2.1:65536", "secondary", "", "", "peer.address"],
      ["ns.example:53", "secondary", "", "", "peer.address"],
      ["2001:db8::1:53", "secondary", "", "", "peer.address"],
      ["192.0.2.0/33", "secondary", "", "", "peer.address"],
      ["192.0.2.0/24", "primary", "", "", "peer.address"],
      ["192.0.2.1:53", "secondary", "a..b", "", "peer.tsig_key"],
      ["192.0.2.1:53", "secondary", "", "ns.example", "peer.tls_name"],
      ["192.0.2.1:53", "primary", "", "ns example", "peer.tls_name"],
    ] as const
  ) assert.throws(() => parse(address, role, tsigKey, tlsName), { code: "invalid", field }, `${address} ${field}`);
});
