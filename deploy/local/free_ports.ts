import { conflict } from "@lib/errors/mod.ts";
import { loopback, type Ports, portUses } from "./layout.ts";

/** Throws Conflict when one of the platform's ports is taken by something else, saying by which part it is needed. */
export function requireFreePorts(ports: Ports): void {
  for (const { port, use, udp } of portUses(ports)) {
    const hint = `Find who has it with: ss -lntup 'sport = :${port}'. Or choose other ports with --ports-base.`;
    try {
      Deno.listen({ hostname: loopback, port }).close();
      if (udp) Deno.listenDatagram({ transport: "udp", hostname: loopback, port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      throw conflict(`Port ${loopback}:${port}, which ${use} needs, is in use by another program`, { hint });
    }
  }
}
