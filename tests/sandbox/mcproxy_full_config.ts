/** mcproxy.toml with every feature that touches the outside. */

export interface FullConfig {
  /** Its listeners by kind, "ip:port". */
  tls: string;
  tcp: string;
  http: string;
  /** What the API may open a listener on. */
  later: string;
  metrics: string;
  admin: { rest: string; grpc: string };
  mcias: string;
  /** Hosts of backends: one with all of its ports, and one port of another. */
  backends: { host: string; port: string };
  acme: { address: string; directory: string };
  /** Path of a file of its own. */
  file(name: string): string;
}

export const eabKeyId = "of the sandbox tests";

/** Files that it reads and others make. */
export const readOnly = [
  "backends-ca.pem",
  "countries.mmdb",
  "acme-ca.pem",
  "eab-key",
  "mcias-ca.pem",
  "admin-cert.pem",
  "admin-key.pem",
] as const;

export function fullConfig({ admin, backends, acme, file, ...addresses }: FullConfig): string {
  const [backendsCa, countries, acmeCa, eabKey, mciasCa, tlsCert, tlsKey] = readOnly.map(file);
  return `[server]
rest_addr = "unix:${file("run/rest.sock")}"
grpc_addr = "unix:${file("run/admin.sock")}"
data_dir = "${file("data")}"

[log]
level = "debug"

[[listeners]]
name = "https"
addr = "${addresses.tls}"

[[listeners]]
name = "plain"
addr = "${addresses.tcp}"
kind = "tcp"

[[listeners]]
name = "http"
addr = "${addresses.http}"
kind = "http"

[listen]
allow_addrs = ["${addresses.later}"]

[certificates]
dir = "${file("certs")}"
poll_ms = 100

[backends]
allow_hosts = ["${backends.host}", "${backends.port}"]
ca_file = "${backendsCa}"

[firewall]
country_db = "${countries}"
poll_ms = 100

[acme]
directory_url = "${acme.directory}"
address = "${acme.address}"
server_name = "localhost"
ca_cert = "${acmeCa}"
eab_key_id = "${eabKeyId}"
eab_key_file = "${eabKey}"

[admin]
rest_addr = "${admin.rest}"
grpc_addr = "${admin.grpc}"
tls_cert = "${tlsCert}"
tls_key = "${tlsKey}"
mcias_addr = "${addresses.mcias}"
mcias_ca_cert = "${mciasCa}"

[access_log]
dir = "${file("log")}"
max_mib = 1

[metrics]
addr = "${addresses.metrics}"
`;
}
