import assert from "node:assert/strict";
import { ClientNetworks } from "./client_networks.ts";

Deno.test("ClientNetworks.has matches by prefix, and IP versions apart, however a socket of both writes them", () => {
  const networks = new ClientNetworks(["127.0.0.0/8", "192.0.2.128/25", "198.51.100.7", "2001:db8::/33", "::1"]);
  for (
    const [address, want] of [
      ["127.1.2.3", true],
      ["128.0.0.1", false],
      ["192.0.2.128", true],
      ["192.0.2.127", false],
      ["198.51.100.7", true],
      ["198.51.100.8", false],
      ["2001:db8:7fff::1", true],
      ["2001:db8:8000::1", false],
      ["::1", true],
      ["::2", false],
      ["::ffff:127.1.2.3", true],
      ["::ffff:128.0.0.1", false],
      ["not an address", false],
    ] as const
  ) assert.equal(networks.has(address), want, address);
  assert.equal(new ClientNetworks([]).has("127.0.0.1"), false);
  assert.equal(new ClientNetworks(["0.0.0.0/0"]).has("203.0.113.9"), true);
});
