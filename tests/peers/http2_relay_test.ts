/**
 * HTTP/2 through MC-Proxy as other people's programs speak it: gRPC of every kind to a grpc-js server, browsers' and
 * load testers' requests to nghttpd and to HTTP/1.1.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { RawBackend } from "../../services/mcproxy/testing/raw.ts";
import { type Ran, root, run } from "../platform.ts";
import { freePort } from "./http_proxies.ts";
import { McproxyProcess } from "./mcproxy_process.ts";
import { withTools } from "./tools.ts";

/** Python's own, which has Debian's packages; another may come first in PATH. */
const python = "/usr/bin/python3";
const name = "web.test";

/** A program that has said where it listens. */
class Listening implements AsyncDisposable {
  private constructor(readonly child: Deno.ChildProcess, readonly port: number) {}

  static async start(command: string, args: string[]): Promise<Listening> {
    const child = new Deno.Command(command, { args, stdin: "null", stdout: "piped", stderr: "inherit" }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${command} ended: ${text}`);
      text += value;
    }
    void reader.cancel();
    return new Listening(child, Number(/port (\d+)/.exec(text)![1]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.child.status;
  }
}

/** A program for Node: grpc-js comes along. */
async function bundled(file: string, folder: string): Promise<string> {
  const path = join(folder, file.replace(".ts", ".mjs"));
  const args = [
    "bundle",
    "--quiet",
    "--platform",
    "deno",
    "--output",
    path,
    join(root, "tests", "peers", "grpc", file),
  ];
  const ran = await run(Deno.execPath(), args);
  assert.equal(ran.code, 0, ran.stderr);
  return path;
}

/** What both clients say. */
const interop = `unary 0 hello asked 0001ff
error 5 no such thing: 100 %
large 0 true
upload 200 2000000
download 1000 1000000
bulk 4 20000000
talk ended
many 300
deadline 4
cancel code 1
cancelled 2
`;

Deno.test({
  ...withTools("grpc-js and grpcio call a grpc-js server through MC-Proxy, over h2c and TLS", "node"),
  async fn(t) {
    await using proxy = await McproxyProcess.start({
      names: [name, "h2c.test", "tls.test"],
      config: { backends: [`ca_file = "ca.pem"`] },
    });
    await proxy.certify("backend", ["backend.test"]);
    const certificate = ["pem", "key"].map((kind) => join(proxy.folder, "certs", `backend.${kind}`));
    const server = await bundled("backend.ts", proxy.folder);
    const client = await bundled("client.ts", proxy.folder);
    await using plain = await Listening.start("node", [server]);
    await using secure = await Listening.start("node", [server, ...certificate]);
    await proxy.put({ hostname: "h2c.test", backends: [`127.0.0.1:${plain.port}`], backendProtocol: "h2c" });
    await proxy.put({
      hostname: "tls.test",
      backends: [`127.0.0.1:${secure.port}`],
      backendProtocol: "tls",
      backendName: "backend.test",
    });
    const script = join(root, "tests", "peers", "grpc", "client.py");
    for (const hostname of ["h2c.test", "tls.test"]) {
      const args = [`127.0.0.1:${proxy.port}`, proxy.ca, hostname];
      await t.step(`grpc-js on Node, ${hostname}`, async () => said(await run("node", [client, ...args]), interop));
      await t.step({
        name: `grpcio in Python, ${hostname}`,
        ignore: (await run(python, ["-c", "import grpc"])).code !== 0,
        fn: async () => said(await run(python, ["-B", script, ...args]), interop),
      });
    }
  },
});

function said({ code, stdout, stderr }: Ran, expected: string): void {
  assert.equal(stdout, expected, stderr);
  assert.equal(code, 0, stderr);
}

/** nghttpd serving a folder. */
async function startNghttpd(folder: string, tls: string[]): Promise<Listening & { port: number }> {
  const port = freePort();
  const args = ["--htdocs", folder, "--echo-upload", "--trailer", "x-from: nghttpd", "--address=127.0.0.1"];
  const child = new Deno.Command("nghttpd", {
    args: [...args, ...(tls.length === 0 ? ["--no-tls"] : []), String(port), ...tls],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return { child, port, [Symbol.asyncDispose]: Listening.prototype[Symbol.asyncDispose] } as Listening;
}

Deno.test({
  ...withTools(
    "curl, nghttp and h2load reach nghttpd (h2c and TLS) and HTTP/1.1 through MC-Proxy",
    ...["curl", "nghttp", "h2load", "nghttpd"],
  ),
  async fn(t) {
    const names = ["h2c.test", "tls.test", "old.test", "localhost"];
    await using proxy = await McproxyProcess.start({ names, config: { backends: [`ca_file = "ca.pem"`] } });
    await proxy.certify("backend", ["backend.test"]);
    const folder = join(proxy.folder, "htdocs");
    await Deno.mkdir(folder);
    const body = crypto.getRandomValues(new Uint8Array(65_536));
    const bulk = new Uint8Array(20_000_000);
    for (let at = 0; at < bulk.length; at += body.length) bulk.set(body.subarray(0, bulk.length - at), at);
    const sum = createHash("sha256").update(bulk).digest("hex");
    await Deno.writeFile(join(folder, "bulk"), bulk);
    await Deno.writeTextFile(join(folder, "small"), "hello");
    const files = ["key", "pem"].map((kind) => join(proxy.folder, "certs", `backend.${kind}`));
    await using plain = await startNghttpd(folder, []);
    await using secure = await startNghttpd(folder, files);
    await using old = new RawBackend(async (connection) => {
      for (;;) {
        const head = await connection.until("\r\n\r\n");
        const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
        if (length > 0) await connection.take(length);
        await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`);
      }
    });
    const tls = { backendProtocol: "tls", backendName: "backend.test" };
    await proxy.put({ hostname: "h2c.test", backends: [`127.0.0.1:${plain.port}`], backendProtocol: "h2c" });
    await proxy.put({ hostname: "localhost", backends: [`127.0.0.1:${plain.port}`], backendProtocol: "h2c" });
    await proxy.put({ hostname: "tls.test", backends: [`127.0.0.1:${secure.port}`], ...tls });
    await proxy.put({ hostname: "old.test", backends: [`127.0.0.1:${old.port}`] });

    for (const hostname of ["h2c.test", "tls.test"]) {
      for (const version of ["--http1.1", "--http2"]) {
        await t.step(`curl ${version}, ${hostname}: 20 MB down and up`, async () => {
          const url = `https://${hostname}:${proxy.port}`;
          const file = join(proxy.folder, "down");
          const curl = async (...args: string[]) => {
            const resolve = `${hostname}:${proxy.port}:127.0.0.1`;
            const common = ["--silent", "--show-error", "--fail", "--max-time", "60", version, "--cacert", proxy.ca];
            const ran = await run("curl", [...common, "--resolve", resolve, "--output", file, ...args]);
            assert.equal(ran.code, 0, ran.stderr);
            return createHash("sha256").update(await Deno.readFile(file)).digest("hex");
          };
          assert.equal(await curl(`${url}/bulk`), sum);
          assert.equal(await curl("--data-binary", `@${join(folder, "bulk")}`, `${url}/echo`), sum);
        });
      }
    }
    await t.step("nghttp: 50 streams, padding, CONTINUATION, trailers both ways, narrow windows", async () => {
      const url = `https://localhost:${proxy.port}`;
      const nghttp = async (...args: string[]) => {
        const ran = await run("nghttp", [...args]);
        assert.equal(ran.code, 0, ran.stderr);
        return ran.stdout;
      };
      const many = await nghttp("--stat", "--null-out", "-m", "50", `${url}/small`);
      assert.equal(many.match(/ 200 +\d+ \/small$/gm)?.length, 50, many);
      const args = ["--padding=200", "--continuation", "--trailer=x-sum: 1", "--no-dep"];
      const verbose = await nghttp("--verbose", ...args, `--data=${join(folder, "small")}`, `${url}/small`);
      assert.match(verbose, /x-from: nghttpd/);
      const narrow = await run("nghttp", ["--window-bits=10", "--connection-window-bits=12", `${url}/small`]);
      assert.equal(narrow.stdout, "hello");
    });
    for (const hostname of ["h2c.test", "tls.test", "old.test"]) {
      await t.step(`h2load: 5000 requests on 10 connections, ${hostname}`, async () => {
        const args = ["-n", "5000", "-c", "10", "-m", "20", "--connect-to", `127.0.0.1:${proxy.port}`];
        const { stdout } = await run("h2load", [...args, `https://${hostname}/small`]);
        assert.match(stdout, /5000 succeeded, 0 failed, 0 errored, 0 timeout/);
        assert.match(stdout, /5000 2xx, 0 3xx, 0 4xx, 0 5xx/);
      });
    }
  },
});
