import { address, choice, integer, path, text } from "@lib/config/mod.ts";

/** `[server]`: where the API listens, with which certificate, and where the data is. */
export function serverSection(defaults: { rest_addr: string; grpc_addr: string }) {
  return {
    server: {
      rest_addr: address(defaults.rest_addr, "REST over HTTPS, TLS 1.3 (or unix:PATH in the clear)", "PORT_REST"),
      grpc_addr: address(defaults.grpc_addr, "gRPC, TLS 1.3 (or unix:PATH in the clear)", "PORT_GRPC"),
      tls_cert: path("tls/cert.pem", "certificate and its issuers, PEM; read again when it changes"),
      tls_key: path("tls/key.pem", "private key, PEM"),
      ca_cert: path("", "the platform's root certificate, PEM; for what the program connects to"),
      data_dir: path("data", "folder of the database and all other state"),
      // Ten seconds: longer than any single request of the platform's own, shorter than a supervisor's patience (30 s).
      shutdown_timeout_ms: integer(10_000, "how long running requests may finish after SIGTERM, ms", { max: 600_000 }),
    },
  };
}

/** `[log]`. */
export function logSection() {
  return {
    log: {
      level: choice("info", ["debug", "info", "warn", "error"], "events below it are dropped"),
      format: choice("text", ["text", "json"], "one line an event, as text or JSON"),
    },
  };
}

/** `[mcias]`: who validates tokens. */
export function mciasSection() {
  return {
    mcias: {
      address: address("127.0.0.1:9443", "MCIAS's gRPC address"),
      server_name: text("mcias.svc.mcp.metacircular.net", "the name that MCIAS's certificate must carry"),
      ca_cert: path("", "root certificate that MCIAS's must lead to, PEM"),
    },
  };
}
