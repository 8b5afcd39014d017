/**
 * Resolvers for MCNS to forward to, each a process of the test's own on a loopback port.
 * @module
 */
import { join } from "node:path";
import { DnsServer } from "./dns_servers.ts";

export interface UnboundOptions {
  /** Records as in zone files, of zones below "example.net". */
  readonly records: readonly string[];
  /** Also DNS over TLS, on a port of its own. */
  readonly tls?: { readonly port: number; readonly cert: string; readonly key: string };
  /** Further lines of its section `server`. */
  readonly more?: readonly string[];
}

/** Unbound that knows these records and asks nobody. */
export function startUnbound(port: number, { records, tls, more = [] }: UnboundOptions): Promise<DnsServer> {
  return DnsServer.start("unbound", port, (folder) => {
    const lines = [
      'chroot: ""',
      'username: ""',
      `directory: "${folder}"`,
      `pidfile: "${join(folder, "unbound.pid")}"`,
      "do-daemonize: no",
      "use-syslog: no",
      'logfile: ""',
      "num-threads: 1",
      'module-config: "iterator"',
      `interface: 127.0.0.1@${port}`,
      ...tls === undefined ? [] : [
        `interface: 127.0.0.1@${tls.port}`,
        `tls-port: ${tls.port}`,
        `tls-service-pem: "${tls.cert}"`,
        `tls-service-key: "${tls.key}"`,
      ],
      "access-control: 127.0.0.0/8 allow",
      'local-zone: "." refuse',
      'local-zone: "example.net." static',
      ...records.map((record) => `local-data: '${record}'`),
      ...more,
    ];
    const text = `server:\n${lines.map((line) => `  ${line}\n`).join("")}remote-control:\n  control-enable: no\n`;
    Deno.writeTextFileSync(join(folder, "unbound.conf"), text);
    return ["/usr/sbin/unbound", "-d", "-c", join(folder, "unbound.conf")];
  });
}
