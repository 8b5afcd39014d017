import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { parseIpv4, parseIpv6 } from "../domain/ip_address.ts";
import { Cookies, cookieStates, parseCookieSecrets, randomCookieSecret } from "./cookies.ts";
import { sipHash } from "./siphash.ts";

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text.replaceAll(" ", ""));
const { unknown, valid } = cookieStates;

/** State and the cookie that goes back. */
function check(cookies: Cookies, cookie: string, address: string): [number, string] {
  const octets = hex(cookie);
  const packet = new Uint8Array(5 + octets.length);
  packet.set(octets, 5);
  return [cookies.check(packet, 5, octets.length, parseIpv4(address) ?? parseIpv6(address)!), cookies.reply.toHex()];
}

Deno.test("sipHash gives the hashes of its authors' vectors", () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  for (
    const [length, want] of [
      [0, "310e0edd47db6f72"],
      [1, "fd67dc93c539f874"],
      [7, "37d1018bf50002ab"],
      [8, "6224939a79f5f593"],
      [15, "e545be4961ca29a1"],
      [63, "724506eb4c328a95"],
    ] as const
  ) {
    const out = new Uint8Array(9);
    sipHash(key, Uint8Array.from({ length }, (_, i) => i), length, out, 1);
    assert.equal(out.subarray(1).toHex(), want, `${length} octets`);
  }
});

Deno.test("Cookies.check gives the cookies of RFC 9018 appendix A", () => {
  const secret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
  for (
    const [remark, secrets, seconds, address, cookie, state, want] of [
      [
        "A.1 learning a new cookie",
        [secret],
        1559731985,
        "198.51.100.100",
        "2464c4abcf10c957",
        unknown,
        "2464c4abcf10c957 010000005cf79f111f8130c3eee29480",
      ],
      [
        "A.2 renewed after 40 minutes",
        [secret],
        1559734385,
        "198.51.100.100",
        "2464c4abcf10c957 010000005cf79f111f8130c3eee29480",
        valid,
        "2464c4abcf10c957 010000005cf7a871d4a564a1442aca77",
      ],
      [
        "A.3 of another client; an hour and 43 minutes old, which §4.3 has servers refuse",
        [secret],
        1559734700,
        "203.0.113.203",
        "fc93fc62807ddb86 01abcdef5cf78f71a314227b6679ebf5",
        unknown,
        "fc93fc62807ddb86 010000005cf7a9acf73a7810aca2381e",
      ],
      [
        "A.3 within the half hour; the reserved octets count as they came",
        [secret],
        1559728497,
        "203.0.113.203",
        "fc93fc62807ddb86 01abcdef5cf78f71a314227b6679ebf5",
        valid,
        "fc93fc62807ddb86 01abcdef5cf78f71a314227b6679ebf5",
      ],
      [
        "A.4 IPv6, and the secret has changed",
        ["445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"],
        1559741961,
        "2001:db8:220:1:59de:d0f4:8769:82b8",
        "22681ab97d52c298 010000005cf7c57926556bd0934c72f8",
        valid,
        "22681ab97d52c298 010000005cf7c609a6bb79d16625507a",
      ],
    ] as const
  ) {
    const cookies = new Cookies(secrets.map(hex), new FakeClock(seconds * 1000));
    assert.deepEqual(check(cookies, cookie, address), [state, want.replaceAll(" ", "")], remark);
  }
});

Deno.test("Cookies.check takes its own for an hour, at the address that they were made for", () => {
  const clock = new FakeClock();
  const cookies = new Cookies([randomCookieSecret()], clock);
  const [state, cookie] = check(cookies, "0102030405060708", "192.0.2.1");
  assert.equal(state, unknown);
  assert.deepEqual(check(cookies, cookie, "192.0.2.1"), [valid, cookie], "fresh: the same goes back");
  assert.equal(check(cookies, cookie, "192.0.2.2")[0], unknown, "another address");
  assert.equal(check(cookies, "ff" + cookie.slice(2), "192.0.2.1")[0], unknown, "another client's part");
  assert.equal(
    check(cookies, cookie.slice(0, -1) + (cookie.endsWith("0") ? "1" : "0"), "192.0.2.1")[0],
    unknown,
    "another hash",
  );
  assert.equal(check(cookies, cookie + "00", "192.0.2.1")[0], unknown, "another length");
  clock.advance(3_600_000);
  const [late, renewed] = check(cookies, cookie, "192.0.2.1");
  assert.equal(late, valid);
  assert.notEqual(renewed, cookie);
  clock.advance(1000);
  assert.equal(check(cookies, cookie, "192.0.2.1")[0], unknown, "too old");
  clock.set(clock.now() - 7_200_000);
  assert.equal(check(cookies, renewed, "192.0.2.1")[0], unknown, "made in the future");
});

Deno.test("parseCookieSecrets reads a line each, and shows no secret in an error", () => {
  assert.deepEqual(
    parseCookieSecrets("# new\n" + "0a".repeat(16) + "\n\n" + "0B".repeat(16) + "\n").map((one) => one.toHex()),
    ["0a".repeat(16), "0b".repeat(16)],
  );
  for (
    const [text, message] of [
      ["", "dns.cookie_secret_file: the file must hold a secret: 32 hexadecimal digits on a line"],
      ["0a".repeat(16) + "\n1234", "dns.cookie_secret_file: secret 2 in the file must be 32 hexadecimal digits"],
    ] as const
  ) assert.throws(() => parseCookieSecrets(text), { message });
});
