import assert from "node:assert/strict";
import { parseIpv4, parseIpv6 } from "./ip_address.ts";
import { fromBytes } from "./octets.ts";
import { reverseName } from "./reverse_name.ts";

Deno.test("reverseName turns an address around, below in-addr.arpa or ip6.arpa", () => {
  for (
    const [address, want] of [
      ["192.0.2.1", "1.2.0.192.in-addr.arpa"],
      ["10.0.0.255", "255.0.0.10.in-addr.arpa"],
      ["0.0.0.0", "0.0.0.0.in-addr.arpa"],
      ["2001:db8::1", `1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
      // The example of RFC 3596 §2.5.
      ["4321:0:1:2:3:4:567:89ab", "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa"],
    ] as const
  ) assert.equal(reverseName(fromBytes((parseIpv4(address) ?? parseIpv6(address))!)).text, want);
});
