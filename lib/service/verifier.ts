import { type MciasVerifier, mciasVerifier } from "@lib/auth/mod.ts";
import type { ServiceContext } from "./program.ts";

interface ConfigWithMcias {
  mcias: { address: string; server_name: string; ca_cert: string };
}

/** The token verifier of a service with an `[mcias]` section. Dispose it after the API. */
export function serviceVerifier(context: ServiceContext<ConfigWithMcias>): MciasVerifier {
  const { address, server_name, ca_cert } = context.config.mcias;
  return mciasVerifier({
    address,
    serverName: server_name,
    ca: Deno.readTextFileSync(ca_cert),
    clock: context.clock,
  });
}
