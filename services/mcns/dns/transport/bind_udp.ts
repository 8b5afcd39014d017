import { unavailable } from "@lib/errors/mod.ts";
import { formatAddress } from "@lib/tls/mod.ts";

/**
 * Binds a UDP socket so that a second process of ours can take the address over.
 * Throws Unavailable, naming the address, when somebody else holds it or it isn't ours.
 */
export function bindUdp(hostname: string, port: number): Deno.DatagramConn {
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port, reuseAddress: true });
  } catch (error) {
    const at = formatAddress({ kind: "tcp", hostname, port });
    if (error instanceof Deno.errors.AddrInUse) {
      throw unavailable(`Cannot listen on ${at}/udp: the address is in use`, {
        hint: `Find the program that holds it: ss -lunp 'sport = :${port}'`,
        cause: error,
      });
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw unavailable(`Cannot listen on ${at}/udp: this machine has no such address`, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw unavailable(`Cannot listen on ${at}/udp: not permitted (ports below 1024 need a capability)`, {
        cause: error,
      });
    }
    throw error;
  }
}
