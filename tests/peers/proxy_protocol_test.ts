/**
 * PROXY protocol between MC-Proxy, HAProxy and nginx, in each place: who the client is comes through every chain.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "@lib/testing/mod.ts";
import type { RouteInput } from "../../services/mcproxy/domain/route.ts";
import { type TestProxy, testProxy } from "../../services/mcproxy/testing/proxy.ts";
import { answering } from "../../services/mcproxy/testing/raw.ts";
import { freePort, type HttpProxy, startHaproxy, startNginx } from "./http_proxies.ts";
import { withTools } from "./tools.ts";

/** Neither is 127.0.0.1, where every proxy of these tests connects from. */
const client = "127.0.0.5";
const anotherClient = "127.0.0.6";
const versions = ["v1", "v2"] as const;

const receiverNames = ["nginx-l4", "nginx-l7", "nginx-stream", "haproxy-l4", "haproxy-l7", "l4", "l7"];
/** One certificate for all that these tests ask for. */
const certificates = {
  peers: ["web", ...receiverNames.flatMap((name) => versions.map((version) => `${name}-${version}`))].map((name) =>
    `${name}.peers.test`
  ),
};

/** A listener "edge" beside "https": proxies at 127.0.0.1 must send the header to it. */
const edge = `[[listeners]]\nname = "edge"\naddr = "127.0.0.1:0"\nproxy_protocol_from = ["127.0.0.1", "::1"]\n`;

function portOf(proxy: TestProxy, listener: string): number {
  return Number(opened(proxy, listener).address.split(":").at(-1));
}

function refused(proxy: TestProxy, listener: string): Record<string, number> {
  return Object.fromEntries(opened(proxy, listener).door.counters.refused);
}

function opened(proxy: TestProxy, listener: string) {
  const open = proxy.running.listeners.all().find((each) => each.listener.name === listener);
  assert.ok(open !== undefined, `no listener ${listener}`);
  return open;
}

/** Sets a route on both listeners. */
function put(proxy: TestProxy, route: Omit<RouteInput, "listener" | "tlsCert" | "tlsKey">): void {
  const l7 = { tlsCert: "peers.pem", tlsKey: "peers.key" };
  for (const listener of ["https", "edge"]) {
    proxy.running.router.put({ listener, ...(route.mode === "l7" ? l7 : { tlsCert: "", tlsKey: "" }), ...route });
  }
}

/** One request by curl. @returns what the backend said, and the client's end of the connection */
async function ask(
  proxy: TestProxy,
  options: { port: number; hostname: string; from?: string; to?: string },
): Promise<{ body: string; ip: string; port: string }> {
  const ca = join(proxy.dir, "ca.pem");
  await Deno.writeTextFile(ca, proxy.ca);
  const { port, hostname, from = client, to = "127.0.0.1" } = options;
  const asked = await run("curl", [
    ...["-sS", "--max-time", "10", "--cacert", ca, "--interface", from],
    ...["--resolve", `${hostname}:${port}:${to}`, "--write-out", "\n%{http_code} %{local_ip} %{local_port}"],
    `https://${hostname}:${port}/`,
  ]);
  assert.equal(asked.code, 0, `${hostname} from ${from}: ${asked.stderr}`);
  const end = asked.stdout.lastIndexOf("\n");
  const body = asked.stdout.slice(0, end).trimEnd();
  const [status, ip = "", localPort = ""] = asked.stdout.slice(end + 1).split(" ");
  assert.equal(status, "200", `${hostname} from ${from}: ${body}`);
  return { body, ip, port: localPort };
}

/** nginx and HAProxy behind MC-Proxy: each says the ends that the header named, and X-Forwarded-For. */
interface Receivers extends AsyncDisposable {
  /** Route settings by host name. */
  routes: { hostname: string; mode: "l4" | "l7"; sendProxyProtocol: string; backends: string[] }[];
}

async function startReceivers(proxy: TestProxy): Promise<Receivers> {
  const pem = await Deno.readTextFile(join(proxy.dir, "certs", "peers.pem"));
  const key = await Deno.readTextFile(join(proxy.dir, "certs", "peers.key"));
  const ports = {
    nginx: { l4: freePort(), l7: freePort(), stream: freePort() },
    haproxy: { l4: freePort(), l7: freePort() },
  };
  const nginx = await startNginx(
    (folder) => `
http {
  ssl_certificate ${folder}/cert.pem;
  ssl_certificate_key ${folder}/key.pem;
  server {
    listen 127.0.0.1:${ports.nginx.l4} ssl proxy_protocol;
    listen 127.0.0.1:${ports.nginx.l7} proxy_protocol;
    return 200 "$proxy_protocol_addr $proxy_protocol_port > $proxy_protocol_server_addr $proxy_protocol_server_port, \
forwarded $http_x_forwarded_for";
  }
}
stream {
  server {
    # Takes a header from MC-Proxy, and sends what it understood on in one of its own.
    listen 127.0.0.1:${ports.nginx.stream} ssl proxy_protocol;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    proxy_pass 127.0.0.1:${ports.nginx.l7};
    proxy_protocol on;
    set_real_ip_from 127.0.0.1;
  }
}`,
    { "cert.pem": pem, "key.pem": key },
  );
  const answer = `http-request return status 200 content-type text/plain ` +
    `lf-string "%[src] %[src_port] > %[dst] %[dst_port], forwarded %[req.hdr(x-forwarded-for)], named %[fc_pp_authority]"`;
  let haproxy: HttpProxy;
  try {
    haproxy = await startHaproxy(
      (folder) => `
defaults
  mode http
  log global
  timeout client 10s
  timeout server 10s
  timeout connect 2s
frontend l4
  bind 127.0.0.1:${ports.haproxy.l4} accept-proxy ssl crt ${folder}/both.pem
  ${answer}
frontend l7
  bind 127.0.0.1:${ports.haproxy.l7} accept-proxy
  ${answer}`,
      { "both.pem": pem + key },
    );
  } catch (error) {
    await nginx.stop();
    throw error;
  }
  const targets: [string, "l4" | "l7", number][] = [
    ["nginx-l4", "l4", ports.nginx.l4],
    ["nginx-l7", "l7", ports.nginx.l7],
    ["nginx-stream", "l4", ports.nginx.stream],
    ["haproxy-l4", "l4", ports.haproxy.l4],
    ["haproxy-l7", "l7", ports.haproxy.l7],
  ];
  return {
    routes: targets.flatMap(([name, mode, port]) =>
      versions.map((version) => ({
        hostname: `${name}-${version}.peers.test`,
        mode,
        sendProxyProtocol: version,
        backends: [`127.0.0.1:${port}`],
      }))
    ),
    async [Symbol.asyncDispose]() {
      await Promise.all([nginx.stop(), haproxy.stop()]);
    },
  };
}

/** A way to MC-Proxy for clients: a port, and from which address on a client can't be told from another. */
interface Sender {
  name: string;
  port: number;
  /** Where clients connect to; default 127.0.0.1. */
  to?: string;
  from?: string;
}

async function startSenders(edgePort: number): Promise<Sender[] & AsyncDisposable> {
  const port = { v1: freePort(), v2: freePort(), tlvs: freePort(), six: freePort(), nginx: freePort() };
  const listen = (name: string, port: number, send: string) => `
listen ${name}
  bind 127.0.0.1:${port}
  server mcproxy 127.0.0.1:${edgePort} ${send}`;
  const haproxy = await startHaproxy(`
defaults
  mode tcp
  timeout client 10s
  timeout server 10s
  timeout connect 2s
${listen("v1", port.v1, "send-proxy")}
${listen("v2", port.v2, "send-proxy-v2")}
${listen("tlvs", port.tlvs, "send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,ssl-cipher,crc32c,unique-id")}
  unique-id-format %{+X}o-%ci:%cp-%rt
${listen("six", freePort(), "send-proxy-v2")}
  bind [::1]:${port.six}`);
  let nginx: HttpProxy;
  try {
    nginx = await startNginx(`
stream {
  server {
    listen 127.0.0.1:${port.nginx};
    proxy_pass 127.0.0.1:${edgePort};
    proxy_protocol on;
  }
}`);
  } catch (error) {
    await haproxy.stop();
    throw error;
  }
  const senders: Sender[] = [
    { name: "HAProxy, version 1", port: port.v1 },
    { name: "HAProxy, version 2", port: port.v2 },
    { name: "HAProxy, version 2 with TLVs", port: port.tlvs },
    { name: "HAProxy, version 2, IPv6", port: port.six, from: "::1", to: "[::1]" },
    { name: "nginx, version 1", port: port.nginx },
  ];
  return Object.assign(senders, {
    async [Symbol.asyncDispose]() {
      await Promise.all([haproxy.stop(), nginx.stop()]);
    },
  });
}

Deno.test({
  ...withTools(
    "PROXY headers from HAProxy and nginx, to HAProxy and nginx, keep the client",
    "haproxy",
    "nginx",
    "curl",
  ),
  async fn(t) {
    const heads: string[] = [];
    await using web = answering("ok", heads);
    await using proxy = await testProxy(edge, certificates);
    put(proxy, { hostname: "web.peers.test", mode: "l7", backends: [`127.0.0.1:${web.port}`] });
    await using receivers = await startReceivers(proxy);
    for (const route of receivers.routes) put(proxy, route);
    await using senders = await startSenders(portOf(proxy, "edge"));
    const ways: Sender[] = [{ name: "nobody", port: portOf(proxy, "https") }, ...senders];

    for (const { name, port, from = client, to } of ways) {
      const through = { port, from, ...(to === undefined ? {} : { to }) };
      await t.step(`${name} in front: an HTTP backend reads the client in the forwarding fields`, async () => {
        heads.length = 0;
        await ask(proxy, { ...through, hostname: "web.peers.test" });
        const node = from.includes(":") ? `"[${from}]"` : from;
        assert.match(heads[0]!, new RegExp(`^X-Forwarded-For: ${from}\r$`, "mi"));
        assert.ok(heads[0]!.toLowerCase().includes(`\r\nforwarded: for=${node};`), heads[0]!);
      });
      for (const { hostname, mode, sendProxyProtocol } of receivers.routes) {
        await t.step(`${name} in front: ${hostname} (${mode}) is told both ends`, async () => {
          const { body, ip, port: clientPort } = await ask(proxy, { ...through, hostname });
          assert.equal(ip, from);
          const forwarded = mode === "l7" ? from : "";
          // nginx sends its own end on as the destination.
          const own = hostname.startsWith("nginx-stream");
          const destination = own ? "127\\.0\\.0\\.1 \\d+" : `${(to ?? "127.0.0.1").replace(/[[\]]/g, "")} ${port}`;
          // HAProxy tells the TLV with the name, too, which only version 2 can carry.
          const named = !hostname.startsWith("haproxy") ? "" : `, named ?${sendProxyProtocol === "v2" ? hostname : ""}`;
          assert.match(body, new RegExp(`^${ip} ${clientPort} > ${destination}, forwarded ?${forwarded}${named}$`));
        });
      }
    }

    await t.step("two clients never share a backend connection that began with a header", async () => {
      const port = portOf(proxy, "https");
      for (const { hostname } of receivers.routes) {
        for (const from of [client, anotherClient, client]) {
          const { body } = await ask(proxy, { port, hostname, from });
          assert.ok(body.startsWith(`${from} `), `${hostname} asked from ${from}: ${body}`);
        }
      }
    });

    await t.step("requests of one connection reach the backend under one client, in HTTP/1.1 and HTTP/2", async () => {
      const port = portOf(proxy, "https");
      for (const { hostname } of receivers.routes.filter(({ mode }) => mode === "l7")) {
        for (const protocol of ["--http1.1", "--http2"]) {
          const url = `https://${hostname}:${port}/`;
          const asked = await run("curl", [
            ...["-sS", "--max-time", "10", "--cacert", join(proxy.dir, "ca.pem"), "--interface", client, protocol],
            ...["--resolve", `${hostname}:${port}:127.0.0.1`, "--write-out", "\n%{local_port}\n", url, url, url],
          ]);
          assert.equal(asked.code, 0, asked.stderr);
          const lines = asked.stdout.trim().split("\n").filter((line) => line !== "");
          const clientPort = lines[1];
          assert.equal(lines.length, 6, asked.stdout);
          for (const line of lines.filter((_, index) => index % 2 === 0)) {
            assert.ok(line.startsWith(`${client} ${clientPort} > `), `${hostname} ${protocol}: ${asked.stdout}`);
          }
        }
      }
    });

    await t.step("nothing was refused on the way", () => {
      // Whether a sender listens is tried with a connection, which the sender passes on.
      const { closed_early: tries = 0, ...others } = refused(proxy, "edge");
      assert.ok(tries <= senders.length, `${tries} connections closed early`);
      assert.deepEqual([others, refused(proxy, "https")], [{}, {}]);
    });
  },
});

Deno.test({
  ...withTools("HAProxy's health checks, which have no client, are served as HAProxy's own connections", "haproxy"),
  async fn() {
    const heads: string[] = [];
    await using web = answering("ok", heads);
    await using proxy = await testProxy(edge, certificates);
    put(proxy, { hostname: "web.peers.test", mode: "l7", backends: [`127.0.0.1:${web.port}`] });
    await using haproxy = await startHaproxy(`
defaults
  mode http
  log global
  timeout client 10s
  timeout server 10s
  timeout connect 2s
listen checked
  bind 127.0.0.1:${freePort()}
  option httpchk
  http-check send meth GET uri /alive ver HTTP/1.1 hdr Host web.peers.test
  server mcproxy 127.0.0.1:${portOf(proxy, "edge")} send-proxy-v2 check-send-proxy check check-ssl verify none \
check-sni web.peers.test inter 100ms fall 1`);
    // A failed check is logged at once.
    while (heads.length < 3 && !haproxy.logs().includes("DOWN")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.doesNotMatch(haproxy.logs(), /DOWN/);
    assert.match(heads[0]!, /^GET \/alive HTTP/);
    assert.match(heads[0]!, /^X-Forwarded-For: 127\.0\.0\.1\r$/mi);
  },
});

Deno.test({
  ...withTools("An MC-Proxy in front of another keeps the client's address, on L4 and L7", "curl"),
  async fn(t) {
    const heads: string[] = [];
    await using web = answering("ok", heads);
    await using origin = await testProxy(edge, certificates);
    await using front = await testProxy(edge, certificates);
    const backends = [`127.0.0.1:${portOf(origin, "edge")}`];
    for (const version of versions) {
      for (const mode of ["l4", "l7"] as const) {
        const hostname = `${mode}-${version}.peers.test`;
        const overTls = { backendProtocol: "tls", backendName: hostname, backendInsecure: true };
        put(origin, { hostname, mode: "l7", backends: [`127.0.0.1:${web.port}`] });
        put(front, { hostname, mode, backends, sendProxyProtocol: version, ...(mode === "l7" ? overTls : {}) });
        await t.step(`${mode}, ${version}`, async () => {
          for (const from of [client, anotherClient]) {
            heads.length = 0;
            await ask(front, { port: portOf(front, "https"), hostname, from });
            assert.match(heads[0]!, new RegExp(`^X-Forwarded-For: ${from}\r$`, "mi"));
            assert.ok(heads[0]!.toLowerCase().includes(`\r\nhost: ${hostname}`), heads[0]!);
          }
        });
      }
    }
    await t.step("a client at another address than the trusted proxies is one on their listener, too", async () => {
      heads.length = 0;
      await ask(front, { port: portOf(front, "edge"), hostname: "l4-v2.peers.test" });
      assert.match(heads[0]!, new RegExp(`^X-Forwarded-For: ${client}\r$`, "mi"));
    });
    assert.deepEqual(refused(origin, "edge"), {});
  },
});
