/**
 * MC-Proxy, nginx and HAProxy as HTTPS proxies side by side, each with several lanes: a port, and behind it a recording
 * backend of its own, so that what arrives there is of one client.
 * @module
 */
import { join } from "node:path";
import { testProxy } from "../../services/mcproxy/testing/proxy.ts";
import { tlsClient } from "../../services/mcproxy/testing/raw.ts";
import { host } from "./h1_cases.ts";
import { RecordingBackend, type Seen } from "./h1_recorder.ts";
import { freePort, startHaproxy, startNginx } from "./http_proxies.ts";

export const readers = ["mcproxy", "nginx", "haproxy"] as const;
export type Reader = typeof readers[number];

/**
 * How long each of them waits for more of a request, ms. A case that leaves its connection open takes so long, and a
 * machine that stands still for as long makes a case differ.
 */
const patienceMs = 1000;

/** What a reader made of one case. */
export interface Outcome {
  /** Statuses of the responses, without interim ones. */
  readonly statuses: readonly number[];
  readonly seen: Seen;
}

/** One client at a time, through one reader, to one backend. */
export interface Lane {
  readonly reader: Reader;
  /** @param pieceBytes how much is written at a time; default: all at once */
  send(text: string, pieceBytes?: number): Promise<Outcome>;
}

/** `each` lanes of all three. */
export async function startLanes(each: number): Promise<{ lanes: Lane[] } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const lanes: Lane[] = [];
  let ca = "";
  const add = (reader: Reader, port: number, backend: RecordingBackend) => {
    const send = async (text: string, pieceBytes = text.length) => {
      const statuses = await exchange({ port, hostname: host, ca }, text, pieceBytes);
      return { statuses, seen: await backend.take(patienceMs + 500) };
    };
    lanes.push({ reader, send });
  };
  const backends = () => Array.from({ length: each }, () => stack.use(new RecordingBackend()));

  const behind = backends();
  const names = behind.map((_, index) => `lane-${index}`);
  const proxy = stack.use(
    await testProxy(
      names.map((name) => `[[listeners]]\nname = "${name}"\naddr = "127.0.0.1:0"\n`).join("") +
        `[limits]\nhead_timeout_ms = ${patienceMs}\nbody_timeout_ms = ${patienceMs}\nkeepalive_timeout_ms = ${patienceMs}\n`,
      { h1: [host] },
    ),
  );
  ca = proxy.ca;
  for (const [index, backend] of behind.entries()) {
    const listener = names[index]!;
    proxy.running.router.put({
      ...{ listener, hostname: host, mode: "l7", backends: [`127.0.0.1:${backend.port}`] },
      ...{ tlsCert: "h1.pem", tlsKey: "h1.key" },
    });
    const open = proxy.running.listeners.all().find((each) => each.listener.name === listener)!;
    add("mcproxy", Number(open.address.split(":").at(-1)), backend);
  }

  const cert = await Deno.readTextFile(join(proxy.dir, "certs", "h1.pem"));
  const key = await Deno.readTextFile(join(proxy.dir, "certs", "h1.key"));
  const forNginx = backends().map((backend) => ({ port: freePort(), backend }));
  stack.use(
    await startNginx(
      (folder) => `
http {
  access_log off;
  ssl_certificate ${folder}/cert.pem;
  ssl_certificate_key ${folder}/key.pem;
  ssl_protocols TLSv1.3;
  client_header_timeout ${patienceMs}ms;
  client_body_timeout ${patienceMs}ms;
  keepalive_timeout ${patienceMs}ms;
  # How long it reads on after a refusal; the client sees the end before.
  lingering_timeout 100ms;
  client_max_body_size 0;
  large_client_header_buffers 4 32k;
  proxy_http_version 1.1;
  proxy_request_buffering off;
  proxy_set_header Host $http_host;
${
        forNginx.map(({ port, backend }) =>
          `  server { listen 127.0.0.1:${port} ssl; location / { proxy_pass http://127.0.0.1:${backend.port}; } }`
        ).join("\n")
      }
}`,
      { "cert.pem": cert, "key.pem": key },
    ),
  );
  for (const { port, backend } of forNginx) add("nginx", port, backend);

  const forHaproxy = backends().map((backend) => ({ port: freePort(), backend }));
  stack.use(
    await startHaproxy(
      (folder) => `
defaults
  mode http
  timeout connect 2s
  timeout client ${patienceMs}ms
  timeout http-request ${patienceMs}ms
  timeout http-keep-alive ${patienceMs}ms
  timeout server 5s
${
        forHaproxy.map(({ port, backend }, index) => `
listen lane-${index}
  bind 127.0.0.1:${port} ssl crt ${folder}/both.pem alpn http/1.1 ssl-min-ver TLSv1.3
  server recording 127.0.0.1:${backend.port}`).join("")
      }`,
      { "both.pem": cert + key },
    ),
  );
  for (const { port, backend } of forHaproxy) add("haproxy", port, backend);

  const started = stack.move();
  return { lanes, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** Sends it, and reads until the other side ends. */
async function exchange(
  to: { port: number; hostname: string; ca: string },
  text: string,
  pieceBytes: number,
): Promise<number[]> {
  using client = await tlsClient(to);
  const send = async () => {
    for (let at = 0; at < text.length; at += pieceBytes) await client.send(text.slice(at, at + pieceBytes));
  };
  // A reader that refuses the head doesn't take what follows it.
  const sent = send().catch(() => {});
  const answer = await client.rest();
  await sent;
  return [...answer.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((match) => Number(match[1])).filter((status) =>
    status >= 200
  );
}
