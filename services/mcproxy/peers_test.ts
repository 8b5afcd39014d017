import assert from "node:assert/strict";
import { l7Route, type TestProxy, testProxy } from "./testing/proxy.ts";
import { RawBackend } from "./testing/raw.ts";

/** True when the program is on this machine. */
function has(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["version"], stdout: "null", stderr: "null" }).outputSync().code >= 0;
  } catch {
    return false;
  }
}

async function run(program: string, args: string[], stdin = ""): Promise<{ code: number; out: string; err: string }> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

async function curl(proxy: TestProxy, hostname: string, ...args: string[]) {
  const ca = `${proxy.dir}/ca.pem`;
  await Deno.writeTextFile(ca, proxy.ca);
  const { port } = proxy;
  const resolve = `${hostname}:${port}:127.0.0.1`;
  return await run("curl", ["-sS", "--cacert", ca, "--resolve", resolve, ...args, `https://${hostname}:${port}/`]);
}

Deno.test({
  name: "curl: verified, HTTP/1.1 and HTTP/2, bodies both ways, 100-continue, HEAD, truncation noticed",
  ignore: !has("curl"),
  async fn() {
    const web = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      let bytes = 0;
      for await (const chunk of request.body ?? []) bytes += chunk.length;
      return new Response(`${request.method} ${bytes} ${request.headers.get("x-forwarded-for")}\n`);
    });
    {
      await using dying = new RawBackend(async (connection) => {
        await connection.until("\r\n\r\n");
        await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      });
      await using proxy = await testProxy(
        l7Route("a.test", "a", web.addr.port) + l7Route("cut.test", "cut", dying.port),
        { a: ["a.test"], cut: ["cut.test"] },
      );
      const upload = `${proxy.dir}/upload`;
      await Deno.writeFile(upload, new Uint8Array(8 * 1024 * 1024));
      const rows: [hostname: string, args: string[], out: RegExp][] = [
        ["a.test", ["-w", "%{ssl_verify_result}"], /^GET 0 127\.0\.0\.1\n0$/],
        ["a.test", ["-I"], /^HTTP\/(?:1\.1 200 OK|2 200 )\r\n/],
        ["a.test", ["-T", upload], /^PUT 8388608 127\.0\.0\.1\n$/],
        ["a.test", ["-T", upload, "-H", "Transfer-Encoding: chunked"], /^PUT 8388608 127\.0\.0\.1\n$/],
        ["a.test", ["-T", upload, "-H", "Expect: 100-continue"], /^PUT 8388608 127\.0\.0\.1\n$/],
        ["a.test", ["-H", "Host: b.test"], /^421 Misdirected Request: /],
        ["cut.test", ["-w", "%{http_code}"], /^half200$/],
      ];
      // 18: a partial transfer; 56: a receive failure; 92: a stream that was reset.
      for (const [protocol, cut] of [["--http1.1", [18, 56]], ["--http2", [92]]] as const) {
        for (const [hostname, args, out] of rows) {
          const result = await curl(proxy, hostname, protocol, ...args);
          assert.match(result.out, out, result.err);
          const codes: readonly number[] = hostname === "cut.test" ? cut : [0];
          assert.ok(codes.includes(result.code), `${protocol} ${args}: ${result.code} ${result.err}`);
        }
      }
      const both = await curl(proxy, "a.test", "-w", "%{http_version}");
      assert.match(both.out, /\n2$/);
    }
    await web.shutdown();
  },
});

Deno.test({
  name:
    "openssl s_client: TLS 1.2 refused with protocol_version, an unknown name with unrecognized_name, TLS 1.3 verified",
  ignore: !has("openssl"),
  async fn() {
    await using proxy = await testProxy(l7Route("a.test", "a", 1), { a: ["a.test"] });
    const ca = `${proxy.dir}/ca.pem`;
    await Deno.writeTextFile(ca, proxy.ca);
    const connect = ["s_client", "-connect", `127.0.0.1:${proxy.port}`, "-CAfile", ca, "-verify_return_error"];
    const old = await run("openssl", [...connect, "-servername", "a.test", "-tls1_2"]);
    assert.match(old.err, /SSL alert number 70/);
    const unknown = await run("openssl", [...connect, "-servername", "b.test"]);
    assert.match(unknown.err, /SSL alert number 112/);
    const good = await run("openssl", [...connect, "-servername", "a.test", "-verify_hostname", "a.test"]);
    assert.match(good.out, /New, TLSv1\.3, Cipher is TLS_/);
    assert.match(good.out, /Verify return code: 0 \(ok\)/);
  },
});
