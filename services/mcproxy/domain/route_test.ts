import assert from "node:assert/strict";
import { isHostname, nameCovers } from "./hostname.ts";
import { parseRoute, type RouteInput, type RouteRules } from "./route.ts";

const rules: RouteRules = {
  listeners: ["https", "alt"],
  allowedHosts: ["127.0.0.1", "[::1]", "10.0.0.5:8080"],
  certificateDir: "/srv/mcproxy/certs",
};
const l7: RouteInput = {
  listener: "https",
  hostname: "hello.example.org",
  mode: "l7",
  backends: ["127.0.0.1:8080"],
  tlsCert: "/srv/mcproxy/certs/hello.pem",
  tlsKey: "hello.key",
};
const l4: RouteInput = { ...l7, mode: "l4", tlsCert: "", tlsKey: "" };

Deno.test("parseRoute normalises names, backends and certificate paths", () => {
  const route = parseRoute({ ...l7, hostname: "Hello.Example.ORG", backends: ["127.0.0.1:8080", "[::1]:1"] }, rules);
  assert.equal(route.hostname, "hello.example.org");
  assert.deepEqual(route.backends.map(({ hostname, port, key }) => [hostname, port, key]), [
    ["127.0.0.1", 8080, "127.0.0.1:8080"],
    ["::1", 1, "[::1]:1"],
  ]);
  assert.equal(route.tlsCert, "/srv/mcproxy/certs/hello.pem");
  assert.equal(route.tlsKey, "/srv/mcproxy/certs/hello.key");
  assert.equal(parseRoute({ ...l4, backends: ["10.0.0.5:8080"] }, rules).backends[0]!.key, "10.0.0.5:8080");
  const asking = parseRoute({ ...l7, clientCert: "asked", clientCa: "ca.pem" }, rules);
  assert.deepEqual([asking.clientCert, asking.clientCa], ["asked", "/srv/mcproxy/certs/ca.pem"]);
});

Deno.test("parseRoute refuses what breaks a rule, with the field, the rule and the value", () => {
  const rows: [change: Partial<RouteInput>, base: RouteInput, message: string][] = [
    [{ listener: "http" }, l7, 'listener: must be one of https, alt, got "http"'],
    [
      { hostname: "10.0.0.1" },
      l7,
      'hostname: must be a DNS name such as "hello.example.org", "*.example.org" or "*", got "10.0.0.1"',
    ],
    [
      { hostname: "a..b" },
      l7,
      'hostname: must be a DNS name such as "hello.example.org", "*.example.org" or "*", got "a..b"',
    ],
    [
      { hostname: "a.b." },
      l7,
      'hostname: must be a DNS name such as "hello.example.org", "*.example.org" or "*", got "a.b."',
    ],
    [
      { hostname: "*." },
      l7,
      'hostname: must be a DNS name such as "hello.example.org", "*.example.org" or "*", got "*."',
    ],
    [
      { hostname: "*.10.0.0.1" },
      l7,
      'hostname: must be a DNS name such as "hello.example.org", "*.example.org" or "*", got "*.10.0.0.1"',
    ],
    [
      { hostname: "a.*.b" },
      l7,
      'hostname: must be a DNS name such as "hello.example.org", "*.example.org" or "*", got "a.*.b"',
    ],
    [
      { hostname: "*a.b" },
      l7,
      'hostname: must be a DNS name such as "hello.example.org", "*.example.org" or "*", got "*a.b"',
    ],
    [{ mode: "L7" }, l7, 'mode: must be "l4" or "l7", got "L7"'],
    [{ backends: [] }, l7, 'backends: needs at least one "host:port"'],
    [
      { backends: ["127.0.0.1"] },
      l7,
      'backends: must be "host:port" with a port from 1 to 65535, got "127.0.0.1"',
    ],
    [
      { backends: ["127.0.0.1:0"] },
      l7,
      'backends: must be "host:port" with a port from 1 to 65535, got "127.0.0.1:0"',
    ],
    [
      { backends: ["127.0.0.1:65536"] },
      l7,
      'backends: must be "host:port" with a port from 1 to 65535, got "127.0.0.1:65536"',
    ],
    [
      { backends: ["10.0.0.6:80"] },
      l7,
      'backends: "10.0.0.6:80" is on a host that the proxy may not connect to; allowed: 127.0.0.1, [::1], 10.0.0.5:8080',
    ],
    // A host that is allowed with one port isn't with another.
    [
      { backends: ["10.0.0.5:80"] },
      l7,
      'backends: "10.0.0.5:80" is on a host that the proxy may not connect to; allowed: 127.0.0.1, [::1], 10.0.0.5:8080',
    ],
    [{ backends: ["127.0.0.1:1", "127.0.0.1:1"] }, l7, 'backends: "127.0.0.1:1" is listed twice'],
    [
      { backends: Array.from({ length: 65 }, (_, i) => `127.0.0.1:${i + 1}`) },
      l7,
      "backends: takes at most 64, got 65",
    ],
    [{ tlsCert: "" }, l7, "tls_cert: an l7 route needs the path of a PEM file below /srv/mcproxy/certs"],
    [{ tlsKey: "" }, l7, "tls_key: an l7 route needs the path of a PEM file below /srv/mcproxy/certs"],
    [
      { path: "api" },
      l7,
      'path: must be "/" or a path such as "/api/v1", without query, "%" or dot segments, got "api"',
    ],
    [
      { path: "/a/../b" },
      l7,
      'path: must be "/" or a path such as "/api/v1", without query, "%" or dot segments, got "/a/../b"',
    ],
    [{ path: "/api" }, l7, 'tls_cert: must be empty: the certificate is that of the route for "/"'],
    [{ acme: true }, l7, "tls_cert: must be empty: ACME brings the certificate"],
    [
      { acme: true, tlsCert: "", tlsKey: "", hostname: "*.b.c" },
      l7,
      'acme: needs an exact name, got "*.b.c"; wildcards need a certificate of your own',
    ],
    [{ clientCert: "always" }, l7, 'client_cert: must be "", "asked" or "required", got "always"'],
    [{ clientCa: "a.pem" }, l7, 'client_ca: is for client_cert "asked" or "required", got "a.pem" without'],
    [
      { clientCert: "asked" },
      l7,
      "client_ca: must be the path of a PEM file below /srv/mcproxy/certs: whose certificates are taken",
    ],
    [
      { clientCert: "required", clientCa: "/etc/ca.pem" },
      l7,
      'client_ca: must lie below /srv/mcproxy/certs, without "." or ".." in it, got "/etc/ca.pem"',
    ],
    [
      { clientCert: "required", clientCa: "a.pem", path: "/x", tlsCert: "", tlsKey: "" },
      l7,
      'client_cert: is asked for on the route for "/", whose handshake it is part of, got "/x"',
    ],
    [{ acme: true, tlsCert: "", tlsKey: "", path: "/x" }, l7, 'acme: is asked for on the route for "/"'],
    [{ backendProtocol: "http" }, l7, 'backend_protocol: must be "h1", "h2c" or "tls", got "http"'],
    [{ backendProtocol: "tls" }, l7, "backend_name: must be the name in the backend's certificate"],
    [{ backendName: "a.b" }, l7, 'backend_name: is for backend_protocol "tls"'],
    [{ backendInsecure: true }, l7, 'backend_insecure: is for backend_protocol "tls"'],
    [{ sendProxyProtocol: "v3" }, l7, 'send_proxy_protocol: must be "", "v1" or "v2", got "v3"'],
    [
      { requestHeaders: [{ op: "set", name: "X-Forwarded-For", value: "1" }] },
      l7,
      `request_headers: "X-Forwarded-For" is the proxy's own and can't be edited`,
    ],
    [
      { responseHeaders: [{ op: "put", name: "a", value: "1" }] },
      l7,
      'response_headers: op must be "set", "add" or "remove", got "put"',
    ],
    [
      { responseHeaders: [{ op: "set", name: "a", value: "1\r\nb: 2" }] },
      l7,
      'response_headers: the value of "a" must be one line of at most 4096 printable characters',
    ],
    [{ redirect: { status: 200, to: "/" } }, l7, "redirect: status must be one of 301, 302, 303, 307, 308, got 200"],
    [
      { redirect: { status: 308, to: "//evil" } },
      l7,
      'redirect: to must be "https://…", "http://…" or a path, got "//evil"',
    ],
    [
      { healthCheck: { path: "x", intervalMs: 0, timeoutMs: 0 } },
      l7,
      'health_check: path must be "" or start with "/", got "x"',
    ],
    [
      { healthCheck: { path: "", intervalMs: 1000, timeoutMs: 1001 } },
      l7,
      "health_check: timeout_ms (1001) must not be longer than interval_ms (1000)",
    ],
    [{ compress: true }, l4, 'compress: is for HTTP, which an l4 route does not read; use mode "l7" or leave it out'],
    [{ path: "/x" }, l4, 'path: is for HTTP, which an l4 route does not read; use mode "l7" or leave it out'],
    [
      { redirect: { status: 308, to: "/" } },
      l4,
      'redirect: is for HTTP, which an l4 route does not read; use mode "l7" or leave it out',
    ],
    [{ tlsCert: "x.pem" }, l4, "tls_cert: an l4 route passes TLS through and takes no certificate"],
    [{ tlsKey: "x.key" }, l4, "tls_key: an l4 route passes TLS through and takes no key"],
  ];
  for (const [change, base, message] of rows) {
    assert.throws(() => parseRoute({ ...base, ...change }, rules), { code: "invalid", message });
  }
});

Deno.test("parseRoute keeps certificates inside their folder", () => {
  const outside = [
    "/etc/passwd",
    "/srv/mcproxy/certs",
    "/srv/mcproxy/certs/",
    "/srv/mcproxy/certs-other/a.pem",
    "/srv/mcproxy/certs/../data/mcproxy.db",
    "../data/mcproxy.db",
    "a/../../b.pem",
    "./a.pem",
    "a//b.pem",
    "a.pem\0.txt",
  ];
  for (const tlsCert of outside) {
    assert.throws(
      () => parseRoute({ ...l7, tlsCert }, rules),
      { code: "invalid", field: "tls_cert", message: /^tls_cert: must lie below \/srv\/mcproxy\/certs, without/ },
      tlsCert,
    );
  }
  assert.equal(parseRoute({ ...l7, tlsCert: "sub/a.pem" }, rules).tlsCert, "/srv/mcproxy/certs/sub/a.pem");
});

Deno.test("isHostname knows names that SNI may carry", () => {
  for (const name of ["a", "a.b", "xn--bcher-kva.example", "_x.a-b.c", "a".repeat(63) + ".b", "1.a"]) {
    assert.ok(isHostname(name), name);
  }
  for (const name of ["", ".", "a.", ".a", "a b", "A", "-a", "a-", "a".repeat(64), "1.2.3.4", "a.".repeat(127) + "a"]) {
    assert.equal(isHostname(name), name.length === 253, name);
  }
});

Deno.test("nameCovers matches a wildcard against exactly one label", () => {
  const rows: [string, string, boolean][] = [
    ["a.test", "a.test", true],
    ["A.Test", "a.test", true],
    ["a.test", "b.a.test", false],
    ["*.test", "a.test", true],
    ["*.test", "b.a.test", false],
    ["*.test", "test", false],
    ["*.a.test", "b.a.test", true],
    ["*", "a", false],
    ["127.0.0.1", "a.test", false],
  ];
  for (const [certificate, hostname, covers] of rows) {
    assert.equal(nameCovers(certificate, hostname), covers, `${certificate} ${hostname}`);
  }
});
