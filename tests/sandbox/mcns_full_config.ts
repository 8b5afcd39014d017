/** mcns.toml with every feature that touches the outside. */

export interface FullConfig {
  /** Its own listeners, "ip:port". */
  rest: string;
  grpc: string;
  dns: string;
  dot: string;
  mcias: string;
  /** The only client that UDP answers go to. */
  client: string;
  upstream: { plain: string; tls: string; from: string };
  /** The other server of its zones. */
  peer: { tcp: string; tls: string; from: string };
  /** Root certificate of the platform. */
  root: string;
  /** Path of a file of its own. */
  file(name: string): string;
}

export function fullConfig({ rest, grpc, dns, dot, mcias, client, upstream, peer, root, file }: FullConfig): string {
  return `[server]
rest_addr = "${rest}"
grpc_addr = "${grpc}"
tls_cert = "${file("tls/cert.pem")}"
tls_key = "${file("tls/key.pem")}"
ca_cert = "${file("own-ca.pem")}"
data_dir = "${file("data")}"

[log]
level = "debug"

[mcias]
address = "${mcias}"
ca_cert = "${root}"

[dns]
listen_addrs = ["${dns}"]
tls_listen_addrs = ["${dot}"]
allow_clients = ["${client}"]
nsid = "full"
cookie_secret_file = "${file("cookie-secret")}"
query_log_sample = 1

[forward]
upstreams = ["${upstream.plain}"]
tls_upstreams = ["${upstream.tls}"]
tls_server_name = "localhost"
tls_ca = "${file("upstream-ca.pem")}"
source_addrs = ["${upstream.from}"]
blocklist_files = ["${file("blocked")}"]

[dnssec]
key_file = "${file("keys/mcns.key")}"

[transfer]
source_addrs = ["${peer.from}"]
peers = ["${peer.tcp}", "${peer.tls}"]
tls_ca = "${file("peer-ca.pem")}"

[[views]]
name = "inside"
networks = ["${client}"]
`;
}
