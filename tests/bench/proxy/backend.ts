/**
 * What stands behind every proxy: nginx for requests and for TLS connections that pass through, and a program of ours
 * that sends and takes bytes. Their CPU time isn't counted.
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Launch, Running } from "./running.ts";

export interface BackendPorts {
  /** HTTP/1.1 in the clear. */
  http: number;
  /** The same over TLS 1.3. */
  tls: number;
  /** Sends bytes after the first ones that come. */
  source: number;
  /** Takes bytes until their end, then answers with one. */
  sink: number;
}

/** The ClientHello of a client stands before the bytes; the source and the sink don't look at it. */
export async function startBackend(
  folder: string,
  ports: BackendPorts,
  { cert, key }: { cert: string; key: string },
): Promise<AsyncDisposable> {
  const config = join(folder, "backend.conf");
  Deno.writeTextFileSync(
    config,
    `daemon off; worker_processes 1; error_log stderr crit; pid ${folder}/backend.pid;
events { worker_connections 8192; }
http {
  access_log off; server_tokens off; keepalive_requests 1000000000; keepalive_timeout 60s; lingering_close off;
  client_body_temp_path ${folder}/bb; proxy_temp_path ${folder}/bp; fastcgi_temp_path ${folder}/bf;
  uwsgi_temp_path ${folder}/bu; scgi_temp_path ${folder}/bs;
  default_type text/plain;
  server { listen 127.0.0.1:${ports.http} backlog=4096; return 200 "${"hello, world\\n".repeat(8)}"; }
  server {
    listen 127.0.0.1:${ports.tls} ssl backlog=4096; ssl_certificate ${cert}; ssl_certificate_key ${key};
    ssl_protocols TLSv1.3; ssl_session_tickets off; return 200 "hello, world\\n";
  }
}
`,
  );
  await using stack = new AsyncDisposableStack();
  stack.use(await Running.start({ command: "nginx", args: ["-e", "stderr", "-c", config] }, [ports.http, ports.tls]));
  const program = fileURLToPath(new URL("./bulk_peer.ts", import.meta.url));
  const bulk: Launch = {
    command: Deno.execPath(),
    args: ["run", "--quiet", "--no-check", "--allow-net=127.0.0.1", program, String(ports.source), String(ports.sink)],
  };
  stack.use(await Running.start(bulk, [ports.source, ports.sink]));
  return stack.move();
}
