/**
 * The proxies under measurement: one process, one thread that works, TLS 1.3 with the same certificate, the same backends.
 * @module
 */
import { join } from "node:path";
import { run } from "@lib/testing/mod.ts";
import type { BackendPorts } from "./backend.ts";
import { mcproxyCommand } from "./mcproxy.ts";
import type { Launch } from "./running.ts";

export interface Setup {
  /** Its own, and empty. */
  folder: string;
  /** `metrics` is MC-Proxy's alone. */
  ports: { l7: number; l4: number; metrics: number };
  backend: BackendPorts;
  /** How many routes MC-Proxy has; the others have those that are asked for. */
  routes: number;
  /** PEM files in a folder of theirs, good for localhost and *.bench.test. */
  certificates: { dir: string; cert: string; key: string };
}

export interface ProxyKind {
  name: string;
  /** Its version, or null when it isn't installed. */
  version(): Promise<string | null>;
  /** Passes TLS through by the name in the ClientHello. */
  l4: boolean;
  /** Writes config. The program must stay in the foreground. */
  prepare(setup: Setup): Promise<Launch>;
}

async function versionOf(command: string, args: string[], pattern: RegExp): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(command, args);
    return pattern.exec(stdout + stderr)?.[1] ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

export const mcproxy: ProxyKind = {
  name: "MC-Proxy",
  version: () => Promise.resolve(`Deno ${Deno.version.deno}`),
  l4: true,
  prepare: mcproxyCommand,
};

const nginx: ProxyKind = {
  name: "nginx",
  version: () => versionOf("nginx", ["-v"], /nginx\/(\S+)/),
  l4: true,
  prepare({ folder, ports, backend, certificates: { cert, key } }) {
    const file = join(folder, "nginx.conf");
    Deno.writeTextFileSync(
      file,
      `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; worker_processes 1; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off; server_tokens off; keepalive_requests 1000000000;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.3;
  upstream backend { server 127.0.0.1:${backend.http}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${ports.l7} ssl http2 backlog=4096;
    server_name localhost *.bench.test;
    location / {
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host $host;
    }
  }
}
stream {
  map $ssl_preread_server_name $to {
    localhost 127.0.0.1:${backend.tls};
    source.bench.test 127.0.0.1:${backend.source};
    sink.bench.test 127.0.0.1:${backend.sink};
  }
  server { listen 127.0.0.1:${ports.l4} backlog=4096; ssl_preread on; proxy_half_close on; proxy_pass $to; }
}
`,
    );
    return Promise.resolve({ command: "nginx", args: ["-e", "stderr", "-c", file] });
  },
};

const haproxy: ProxyKind = {
  name: "HAProxy",
  version: () => versionOf("haproxy", ["-v"], /version (\d[\d.]*)/),
  l4: true,
  prepare({ folder, ports, backend, certificates: { cert, key } }) {
    const pem = join(folder, "both.pem");
    Deno.writeTextFileSync(pem, `${Deno.readTextFileSync(cert)}\n${Deno.readTextFileSync(key)}`);
    const file = join(folder, "haproxy.cfg");
    Deno.writeTextFileSync(
      file,
      `global
  nbthread 1
  maxconn 8192
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend l7
  mode http
  bind 127.0.0.1:${ports.l7} ssl crt ${pem} alpn h2,http/1.1 backlog 4096
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend web
backend web
  mode http
  http-reuse always
  server one 127.0.0.1:${backend.http}
frontend l4
  mode tcp
  bind 127.0.0.1:${ports.l4} backlog 4096
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  use_backend source if { req.ssl_sni source.bench.test }
  use_backend sink if { req.ssl_sni sink.bench.test }
  use_backend tls if { req.ssl_sni localhost }
backend tls
  mode tcp
  server one 127.0.0.1:${backend.tls}
backend source
  mode tcp
  server one 127.0.0.1:${backend.source}
backend sink
  mode tcp
  server one 127.0.0.1:${backend.sink}
`,
    );
    return Promise.resolve({ command: "haproxy", args: ["-db", "-f", file] });
  },
};

const caddy: ProxyKind = {
  name: "Caddy",
  version: () => versionOf("caddy", ["version"], /v?(\d[\d.]*)/),
  // Only with a module that the package doesn't have.
  l4: false,
  prepare({ folder, ports, backend, certificates: { cert, key } }) {
    const file = join(folder, "Caddyfile");
    Deno.writeTextFileSync(
      file,
      `{
  admin off
  auto_https off
  servers {
    protocols h1 h2
  }
}
https://localhost:${ports.l7}, https://*.bench.test:${ports.l7} {
  bind 127.0.0.1
  tls ${cert} ${key} {
    protocols tls1.3
  }
  reverse_proxy 127.0.0.1:${backend.http}
}
`,
    );
    return Promise.resolve({
      command: "caddy",
      args: ["run", "--config", file, "--adapter", "caddyfile"],
      env: { GOMAXPROCS: "1", XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder },
    });
  },
};

export const proxyKinds: readonly ProxyKind[] = [mcproxy, nginx, haproxy, caddy];
