import { formatAddress, parseAddress } from "@lib/tls/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { TcpListener, type TcpListenerOptions } from "./tcp_listener.ts";
import { UdpListener } from "./udp_listener.ts";

export interface ListenOptions extends Omit<TcpListenerOptions, "hostname" | "port"> {
  /** "ip:port"; port 0 for any free one, the same for UDP and TCP. */
  addresses: readonly string[];
}

/** All DNS listeners of the program. */
export interface DnsListeners {
  readonly addresses: readonly string[];
  /** TCP connections open now. */
  readonly connections: number;
  /** Lets replies under way go out; TCP clients that are still there after `drainMs` are cut off. */
  close(drainMs: number): Promise<void>;
}

interface Pair {
  address: string;
  tcp: TcpListener;
  udp: UdpListener;
}

/** Binds each address for UDP and TCP and starts to answer. Throws, with nothing left open, when one can't be bound. */
export async function listenDns(options: ListenOptions): Promise<DnsListeners> {
  const pairs: Pair[] = [];
  const close = async (drainMs: number) => {
    await Promise.all(pairs.flatMap(({ tcp, udp }) => [tcp.close(drainMs), udp.close()]));
  };
  try {
    for (const text of options.addresses) pairs.push(await listenPair(text, options));
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    addresses: pairs.map(({ address }) => address),
    get connections() {
      return pairs.reduce((sum, { tcp }) => sum + tcp.connections, 0);
    },
    close,
  };
}

async function listenPair(text: string, options: ListenOptions): Promise<Pair> {
  const parsed = parseAddress(text, "dns.listen_addrs");
  if (parsed.kind !== "tcp") throw invalid("dns.listen_addrs", `must be "ip:port", got ${quote(text)}`);
  const { hostname } = parsed;
  const tcp = new TcpListener({ ...options, hostname, port: parsed.port });
  try {
    const udp = new UdpListener({ ...options, hostname, port: tcp.port });
    return { address: formatAddress({ kind: "tcp", hostname, port: tcp.port }), tcp, udp };
  } catch (error) {
    await tcp.close(0);
    throw error;
  }
}
