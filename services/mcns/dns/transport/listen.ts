import { invalid, quote } from "@lib/errors/mod.ts";
import { type CertificateFiles, formatAddress, parseAddress } from "@lib/tls/mod.ts";
import { StreamListener, type StreamListenerOptions } from "./stream_listener.ts";
import { UdpListener } from "./udp_listener.ts";

export interface ListenOptions extends Omit<StreamListenerOptions, "hostname" | "port" | "certificates"> {
  /** "ip:port", each for UDP and TCP; port 0 for any free one, the same for both. */
  addresses: readonly string[];
  /** DNS over TLS. */
  tls?: { addresses: readonly string[]; certificates: CertificateFiles };
}

/** All DNS listeners of the program. */
export interface DnsListeners {
  /** UDP and TCP, with the ports in use. */
  readonly addresses: readonly string[];
  /** TLS, with the ports in use. */
  readonly tlsAddresses: readonly string[];
  /** TCP and TLS connections open now. */
  readonly connections: number;
  /** Lets replies under way go out; clients that are still there after `drainMs` are cut off. */
  close(drainMs: number): Promise<void>;
}

/** Binds every address and starts to answer. Throws, with nothing left open, when one can't be bound. */
export async function listenDns(options: ListenOptions): Promise<DnsListeners> {
  const streams: StreamListener[] = [];
  const datagrams: UdpListener[] = [];
  const close = async (drainMs: number) => {
    await Promise.all([...streams.map((listener) => listener.close(drainMs)), ...datagrams.map((udp) => udp.close())]);
  };
  const addresses: string[] = [];
  const tlsAddresses: string[] = [];
  try {
    for (const text of options.addresses) {
      const { hostname, port } = hostPort(text, "dns.listen_addrs");
      const tcp = new StreamListener({ ...options, hostname, port });
      streams.push(tcp);
      addresses.push(formatAddress({ kind: "tcp", hostname, port: tcp.port }));
    }
    for (const text of options.tls?.addresses ?? []) {
      const { hostname, port } = hostPort(text, "dns.tls_listen_addrs");
      const tls = new StreamListener({ ...options, hostname, port, certificates: options.tls!.certificates });
      streams.push(tls);
      tlsAddresses.push(formatAddress({ kind: "tcp", hostname, port: tls.port }));
    }
    // Last: at a hot restart their queues fill from here on, and are read from the next turn on.
    for (const [i, text] of options.addresses.entries()) {
      const { hostname } = hostPort(text, "dns.listen_addrs");
      datagrams.push(new UdpListener({ ...options, hostname, port: streams[i]!.port }));
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    addresses,
    tlsAddresses,
    get connections() {
      return streams.reduce((sum, { connections }) => sum + connections, 0);
    },
    close,
  };
}

/** "ip:port" apart. Throws Invalid on `field`. */
export function hostPort(text: string, field: string): { hostname: string; port: number } {
  const parsed = parseAddress(text, field);
  if (parsed.kind !== "tcp") throw invalid(field, `must be "ip:port", got ${quote(text)}`);
  return parsed;
}
