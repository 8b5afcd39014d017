import { conflict, PlatformError } from "@lib/errors/mod.ts";
import { loopback, type Ports, portUses } from "./layout.ts";

// After kill −9 of the agent its programs may take five seconds to end.
const patienceMs = 7000;

/** Waits for the ports of a platform that is just ending. Throws Conflict as `checkPorts` when they stay taken. */
export async function requireFreePorts(ports: Ports): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return checkPorts(ports);
    } catch (error) {
      if (!(error instanceof PlatformError) || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** Throws Conflict when one of the platform's ports is taken by something else, saying by which part it is needed. */
function checkPorts(ports: Ports): void {
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
