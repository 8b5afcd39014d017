/**
 * What doesn't end soon: WebSockets, events, and bodies of two gigabytes past slow peers, in memory that stays flat.
 */
import assert from "node:assert/strict";
import { RawBackend, type RawConnection } from "../../services/mcproxy/testing/raw.ts";
import { Chromium } from "./chromium.ts";
import { McproxyProcess } from "./mcproxy_process.ts";
import { withTools } from "./tools.ts";

const mib = 1024 * 1024;
/** Two gigabytes, in pieces of 1 MiB. */
const bulkBytes = 2048 * mib;
/** Brings in the code and the buffers that a body needs. */
const warmBytes = 8 * mib;
/** What a slow peer takes a second. */
const slowRate = "120M";
/** What the proxy may need more than for the first of them, bytes. */
const growthBytes = 64 * mib;

const protocols = ["http1.1", "http2"] as const;
/** As curl writes them. */
const versions = { "http1.1": "1.1", http2: "2" } as const;

/** Starts curl on the proxy; its output is the caller's. */
function curl(proxy: McproxyProcess, protocol: string, path: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command("curl", {
    args: [
      ...["--silent", "--show-error", "--fail", "--max-time", "120", `--${protocol}`, "--cacert", proxy.ca],
      ...["--resolve", `web.test:${proxy.port}:127.0.0.1`, ...args, `https://web.test:${proxy.port}${path}`],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The highest resident memory, in bytes, while `work` runs. */
async function highest(proxy: McproxyProcess, work: Promise<unknown>): Promise<number> {
  let most = proxy.rss;
  const timer = setInterval(() => most = Math.max(most, proxy.rss), 100);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return most;
}

/** Sends a body of that length as fast as it is taken. */
async function sendBulk({ conn }: RawConnection, bytes: number): Promise<void> {
  const piece = new Uint8Array(mib);
  for (let left = bytes; left > 0;) left -= await conn.write(left < mib ? piece.subarray(0, left) : piece);
}

/** Reads a body of that length, no faster than 120 MiB a second, whatever the other side could do. */
async function takeBulk({ conn }: RawConnection, already: number, bytes: number): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  const since = performance.now();
  for (let taken = already; taken < bytes;) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error(`the body ended after ${taken}`);
    taken += count;
    const aheadMs = taken / (120 * mib) * 1000 - (performance.now() - since);
    if (aheadMs > 5) await new Promise((resolve) => setTimeout(resolve, aheadMs));
  }
}

Deno.test({
  ...withTools("MC-Proxy moves 2 GiB each way past slow peers, and needs less than 64 MiB for it", "curl"),
  fn: async (t) => {
    await using backend = new RawBackend(async (connection) => {
      for (;;) {
        const head = await connection.until("\r\n\r\n");
        if (head.startsWith("GET ")) {
          const bytes = head.startsWith("GET /warm") ? warmBytes : bulkBytes;
          await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
          await sendBulk(connection, bytes);
        } else {
          const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
          await takeBulk(connection, connection.leftover().length, length);
          await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
      }
    });
    await using proxy = await McproxyProcess.start();
    await proxy.put({ hostname: "web.test", backends: [`127.0.0.1:${backend.port}`] });
    // A sparse file: curl wants to know the length of what it sends.
    const file = `${proxy.folder}/bulk`;
    await Deno.writeFile(file, new Uint8Array());
    await Deno.truncate(file, bulkBytes);
    const small = `${proxy.folder}/warm`;
    await Deno.writeFile(small, new Uint8Array());
    await Deno.truncate(small, warmBytes);
    for (const protocol of protocols) {
      const warm = async (...args: string[]) => {
        const output = curl(proxy, protocol, ...args as [string]).output();
        const most = await highest(proxy, output);
        assert.equal((await output).code, 0);
        return most;
      };
      const down = await warm("/warm", "--limit-rate", slowRate, "--output", "/dev/null");
      const up = await warm("/", "--upload-file", small);
      await t.step(`down, ${protocol}`, async () => {
        const child = curl(
          proxy,
          protocol,
          "/",
          "--limit-rate",
          slowRate,
          "--output",
          "/dev/null",
          "--write-out",
          "%{http_version} %{size_download}",
        );
        const output = child.output();
        const grown = await highest(proxy, output) - Math.max(down, up);
        const { code, stdout, stderr } = await output;
        assert.equal(code, 0, new TextDecoder().decode(stderr));
        assert.equal(new TextDecoder().decode(stdout), `${versions[protocol]} ${bulkBytes}`);
        console.log(`${protocol}: ${(grown / mib).toFixed(1)} MiB more`);
        assert.ok(grown < growthBytes, `${grown / mib} MiB`);
      });
      await t.step(`up, ${protocol}`, async () => {
        const child = curl(
          proxy,
          protocol,
          "/",
          "--upload-file",
          file,
          "--write-out",
          " %{http_version} %{size_upload}",
        );
        const output = child.output();
        const grown = await highest(proxy, output) - Math.max(down, up);
        const { code, stdout, stderr } = await output;
        assert.equal(code, 0, new TextDecoder().decode(stderr));
        assert.equal(new TextDecoder().decode(stdout), `ok ${versions[protocol]} ${bulkBytes}`);
        console.log(`${protocol}: ${(grown / mib).toFixed(1)} MiB more`);
        assert.ok(grown < growthBytes, `${grown / mib} MiB`);
      });
    }
  },
});

Deno.test({
  ...withTools("MC-Proxy passes each event on before the next is made", "curl"),
  fn: async (t) => {
    let sendNext = Promise.withResolvers<void>();
    await using backend = new RawBackend(async (connection) => {
      await connection.until("\r\n\r\n");
      await connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (let event = 1; event <= 20; event++) {
        await sendNext.promise;
        sendNext = Promise.withResolvers();
        const text = `data: ${event}\n\n`;
        await connection.send(`${text.length.toString(16)}\r\n${text}\r\n`);
      }
      await connection.send("0\r\n\r\n");
    });
    await using proxy = await McproxyProcess.start();
    await proxy.put({ hostname: "web.test", backends: [`127.0.0.1:${backend.port}`] });
    for (const protocol of protocols) {
      await t.step(protocol, async () => {
        const child = curl(proxy, protocol, "/", "--no-buffer", "--write-out", `%{http_version}`);
        let text = "";
        let events = 0;
        sendNext.resolve();
        for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
          text += chunk;
          const seen = text.split("\n\n").length - 1;
          // The next event is made only when this one is here: one that is held back stops everything.
          for (; events < seen; events++) sendNext.resolve();
        }
        await child.stderr.cancel();
        assert.equal((await child.status).code, 0);
        assert.equal(text, Array.from({ length: 20 }, (_, i) => `data: ${i + 1}\n\n`).join("") + versions[protocol]);
      });
    }
  },
});

/** In the page: opens a WebSocket, sends texts and bytes of many lengths, and says how many came back as they were. */
const echoScript = `new Promise((resolve, reject) => {
  const socket = new WebSocket("wss://" + location.host + "/echo");
  socket.binaryType = "arraybuffer";
  const lengths = [0, 1, 125, 126, 127, 65535, 65536, 300000, 1000000];
  const sent = lengths.flatMap((length) => ["é".repeat(length / 2) + "x".repeat(length % 2), new Uint8Array(length).fill(length)]);
  let back = 0;
  const next = () => back === sent.length ? socket.close(4000, "done") : socket.send(sent[back]);
  socket.onopen = next;
  socket.onmessage = ({ data }) => {
    const one = sent[back];
    const same = typeof one === "string" ? data === one
      : data.byteLength === one.length && new Uint8Array(data).every((byte, i) => byte === one[i]);
    if (!same) return reject(new Error("message " + back + " came back changed"));
    back++;
    next();
  };
  socket.onerror = () => reject(new Error("the socket failed after " + back));
  socket.onclose = ({ code, reason }) => resolve(back + " " + code + " " + reason);
})`;

Deno.test({
  ...withTools("MC-Proxy carries WebSocket messages of all lengths between Chromium and a backend", "chromium"),
  fn: async () => {
    const backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      if (request.headers.get("upgrade") !== "websocket") {
        return new Response("<!doctype html><title>Echo</title>", { headers: { "content-type": "text/html" } });
      }
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    });
    await using proxy = await McproxyProcess.start({ names: ["localhost"] });
    await proxy.put({ hostname: "localhost", backends: [`127.0.0.1:${backend.addr.port}`] });
    await using browser = await Chromium.start();
    const tab = await browser.tab();
    await tab.goto(`https://localhost:${proxy.port}/`);
    assert.equal(await tab.evaluate(echoScript), "18 4000 done");
    await backend.shutdown();
  },
});
