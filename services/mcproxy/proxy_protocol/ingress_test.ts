/** PROXY headers through a whole proxy: taken on a listener "edge" that trusts 127.0.0.1, sent to backends. */
import assert from "node:assert/strict";
import { grpcClient } from "@lib/grpc/mod.ts";
import { FirewallService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { RouteInput } from "../domain/route.ts";
import { type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, RawBackend, RawConnection } from "../testing/raw.ts";
import { type ParsedHeader, parseProxyHeader } from "./header.ts";
import { writeProxyV1, writeProxyV2 } from "./write.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const edge = `[[listeners]]\nname = "edge"\naddr = "127.0.0.1:0"\nproxy_protocol_from = ["127.0.0.1"]\n`;
const names = { a: ["a.test"] };

function opened(proxy: TestProxy, listener: string) {
  return proxy.running.listeners.all().find((each) => each.listener.name === listener)!;
}

function portOf(proxy: TestProxy, listener: string): number {
  return Number(opened(proxy, listener).address.split(":").at(-1));
}

function refused(proxy: TestProxy, listener: string, reason: string): number {
  return new Map<string, number>(opened(proxy, listener).door.counters.refused).get(reason) ?? 0;
}

function put(proxy: TestProxy, route: Partial<RouteInput> & { mode: string; backends: string[] }): void {
  const files = route.mode === "l7" ? { tlsCert: "a.pem", tlsKey: "a.key" } : { tlsCert: "", tlsKey: "" };
  for (const listener of ["https", "edge"]) {
    proxy.running.router.put({ listener, hostname: "a.test", ...files, ...route });
  }
}

/** The connection of a client for which a proxy at 127.0.0.1 sends `header`. */
async function through(proxy: TestProxy, header: Uint8Array, listener = "edge"): Promise<RawConnection> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: portOf(proxy, listener) });
  await tcp.write(header);
  return new RawConnection(
    await Deno.startTls(tcp, { hostname: "a.test", caCerts: [proxy.ca], alpnProtocols: ["http/1.1"] }),
  );
}

const from = (address: string, port = 56324) => ({
  source: { address, port },
  destination: { address: address.includes(":") ? "2001:db8::ff" : "198.51.100.2", port: 443 },
});
const get = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n";

Deno.test("Ingress tells HTTP backends the client that a trusted header names, and nothing that the client claims", async () => {
  const heads: string[] = [];
  await using backend = answering("ok", heads);
  await using proxy = await testProxy(edge, names);
  put(proxy, { mode: "l7", backends: [`127.0.0.1:${backend.port}`] });
  for (
    const [header, address, node] of [
      [writeProxyV1(from("192.0.2.7")), "192.0.2.7", "192.0.2.7"],
      [writeProxyV2(from("192.0.2.8")), "192.0.2.8", "192.0.2.8"],
      [writeProxyV1(from("2001:db8::7")), "2001:db8::7", '"[2001:db8::7]"'],
      [writeProxyV2(from("2001:db8::8")), "2001:db8::8", '"[2001:db8::8]"'],
      [writeProxyV2(null), "127.0.0.1", "127.0.0.1"],
      [latin1("PROXY UNKNOWN\r\n"), "127.0.0.1", "127.0.0.1"],
    ] as const
  ) {
    heads.length = 0;
    using client = await through(proxy, header);
    await client.send(get);
    assert.match(await client.rest(), /ok$/);
    const forwarded = heads[0]!.match(/^(?:x-forwarded-for|forwarded): .*$/gmi)!.map((line) =>
      line.trim().toLowerCase()
    );
    assert.deepEqual(forwarded.sort(), [
      `forwarded: for=${node};host="a.test";proto=https`,
      `x-forwarded-for: ${address}`,
    ]);
  }
});

Deno.test("Ingress sends passthrough backends a header with both ends, before the ClientHello", async () => {
  const seen: { header: ParsedHeader; next: number | undefined }[] = [];
  await using backend = new RawBackend(async ({ conn }) => {
    const buffer = new Uint8Array(4096);
    const bytes = buffer.subarray(0, await conn.read(buffer) ?? 0);
    const header = parseProxyHeader(bytes);
    seen.push({ header, next: header.kind === "header" ? bytes[header.bytes] : undefined });
  });
  await using proxy = await testProxy(edge);
  for (const version of [1, 2] as const) {
    put(proxy, { mode: "l4", backends: [`127.0.0.1:${backend.port}`], sendProxyProtocol: `v${version}` });
    for (const listener of ["edge", "https"]) {
      seen.length = 0;
      const named = listener === "edge";
      using client = await through(proxy, named ? writeProxyV2(from("192.0.2.7")) : new Uint8Array(), listener);
      const { port } = client.conn.localAddr as Deno.NetAddr;
      await client.rest();
      const [{ header, next } = { header: null, next: 0 }] = seen;
      assert.ok(header?.kind === "header", `version ${version} on ${listener}`);
      const direct = {
        source: { address: "127.0.0.1", port },
        destination: { address: "127.0.0.1", port: portOf(proxy, "https") },
      };
      const { source, destination } = named ? from("192.0.2.7") : direct;
      assert.deepEqual([header.version, header.source, header.destination], [version, source, destination]);
      assert.equal(header.tlvs.authority, version === 2 ? "a.test" : null);
      assert.equal(header.tlvs.checksum, version === 2);
      // A handshake record (RFC 8446 §5.1).
      assert.equal(next, 22);
    }
  }
});

Deno.test("Ingress asks the firewall about the client that a header names, not about the proxy that sent it", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(edge, names);
  put(proxy, { mode: "l7", backends: [`127.0.0.1:${backend.port}`] });
  await using firewall = grpcClient(FirewallService, { address: `unix:${proxy.adminSocket}` });
  await firewall.putRule({ id: "bad-net", priority: 1, action: "block", cidrs: ["192.0.2.0/24", "2001:db8:bad::/48"] });
  await firewall.putRule({ id: "one-each", priority: 2, action: "limit", maxConnections: 1 });
  for (const address of ["192.0.2.7", "2001:db8:bad::7", "::ffff:192.0.2.7"]) {
    const before = refused(proxy, "edge", "firewall");
    using client = await through(proxy, writeProxyV2(from(address)));
    await assert.rejects(() => (client.conn as Deno.TlsConn).handshake(), address);
    assert.equal(refused(proxy, "edge", "firewall"), before + 1, address);
  }
  // Two clients of one proxy are two; a second connection of either is one too many.
  using first = await through(proxy, writeProxyV2(from("198.51.100.7")));
  await first.send(get.replace("close", "keep-alive"));
  assert.match(await first.message(), /ok$/);
  using other = await through(proxy, writeProxyV2(from("198.51.100.8")));
  await other.send(get);
  assert.match(await other.rest(), /ok$/);
  using again = await through(proxy, writeProxyV2(from("198.51.100.7", 56325)));
  await assert.rejects(() => (again.conn as Deno.TlsConn).handshake());
});

Deno.test("Ingress refuses and counts headers of strangers, and none or malformed ones of trusted senders", async (t) => {
  let reached = 0;
  await using backend = new RawBackend((connection) => {
    reached++;
    connection.close();
    return Promise.resolve();
  });
  await using proxy = await testProxy(edge);
  put(proxy, { mode: "l4", backends: [`127.0.0.1:${backend.port}`] });
  const good = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
  const signature = "\r\n\r\n\0\r\nQUIT\n";
  const nothing = "\0\0";
  const malformed = "malformed_proxy_header";
  const cases: [string, listener: string, sent: string, reason: string][] = [
    ["a line from a stranger", "https", good, "not_tls"],
    ["a binary header from a stranger", "https", `${signature}\x20\0${nothing}`, "not_tls"],
    ["no header, but TLS", "edge", "\x16\x03\x01\x02\0\x01", "no_proxy_header"],
    ["no header, but HTTP", "edge", "GET / HTTP/1.1\r\n", "no_proxy_header"],
    ["a leading zero", "edge", good.replace("192.0.2.1", "192.0.02.1"), malformed],
    ["a port too large", "edge", good.replace(" 2\r", " 65536\r"), malformed],
    ["two spaces", "edge", good.replace("TCP4 ", "TCP4  "), malformed],
    ["a bare line feed", "edge", good.replace("\r", ""), malformed],
    ["a line without an end", "edge", `PROXY TCP4 ${"1".repeat(200)}`, malformed],
    ["version 3", "edge", `${signature}\x31\x11${nothing}`, malformed],
    ["an unassigned command", "edge", `${signature}\x22\x11${nothing}`, malformed],
    ["a family without its addresses", "edge", `${signature}\x21\x11${nothing}`, malformed],
    ["64 KiB of header", "edge", `${signature}\x21\x11\xff\xff`, malformed],
    ["a header, then no TLS", "edge", `${good}hello`, "not_tls"],
    ["two headers", "edge", good + good, "not_tls"],
  ];
  for (const [name, listener, sent, reason] of cases) {
    await t.step(name, async () => {
      const before = refused(proxy, listener, reason);
      using raw = new RawConnection(
        await Deno.connect({ hostname: "127.0.0.1", port: portOf(proxy, listener) }),
      );
      await raw.send(sent);
      assert.match(await raw.rest(), /^(<cut>)?$/, "closed without a word");
      assert.equal(refused(proxy, listener, reason), before + 1);
    });
  }
  assert.equal(reached, 0, "no backend has heard of any of them");
});

Deno.test("Ingress gives up on a trusted sender whose header doesn't come in time", async () => {
  await using proxy = await testProxy(`${edge}[limits]\nhello_timeout_ms = 100\n`);
  for (const part of ["", "PROXY TCP4 192.0.2.1"]) {
    const before = refused(proxy, "edge", "proxy_header_timeout");
    using raw = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port: portOf(proxy, "edge") }));
    await raw.send(part);
    assert.match(await raw.rest(), /^(<cut>)?$/);
    assert.equal(refused(proxy, "edge", "proxy_header_timeout"), before + 1);
  }
});

Deno.test("Ingress serves one client after another through HTTP/2 connections that are each one client's", async () => {
  const heads: string[] = [];
  await using backend = answering("ok", heads);
  await using origin = await testProxy(edge, names);
  put(origin, { mode: "l7", backends: [`127.0.0.1:${backend.port}`] });
  await using front = await testProxy(`${edge}[backends]\nmax_connections = 4\n`, names);
  put(front, {
    ...{ mode: "l7", backends: [`127.0.0.1:${portOf(origin, "edge")}`], sendProxyProtocol: "v2" },
    ...{ backendProtocol: "tls", backendName: "a.test", backendInsecure: true },
  });
  // More than may be open at once: those of clients that have gone make room.
  for (let n = 1; n <= 12; n++) {
    using client = await through(front, writeProxyV2(from(`192.0.2.${n}`)));
    await client.send(get);
    assert.match(await client.rest(), /^HTTP\/1\.1 200 [^]*ok$/, `client ${n}`);
    assert.match(heads.at(-1)!, new RegExp(`^x-forwarded-for: 192\\.0\\.2\\.${n}\r$`, "mi"));
  }
});
