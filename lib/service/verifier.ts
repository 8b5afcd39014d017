import { type MciasLogin, mciasLogin, type MciasVerifier, mciasVerifier } from "@lib/auth/mod.ts";
import type { ServiceContext } from "./program.ts";

interface ConfigWithMcias {
  mcias: { address: string; server_name: string; ca_cert: string };
}

/** The token verifier of a service with an `[mcias]` section. Dispose it after the API. */
export function serviceVerifier(context: ServiceContext<ConfigWithMcias>): MciasVerifier {
  return mciasVerifier({ ...mciasOf(context), clock: context.clock });
}

/** The log-in of a service with an `[mcias]` section and pages of its own. Dispose it after the API. */
export function serviceLogin(context: ServiceContext<ConfigWithMcias>): MciasLogin {
  return mciasLogin(context.name, mciasOf(context));
}

function mciasOf({ config }: ServiceContext<ConfigWithMcias>): { address: string; serverName: string; ca: string } {
  const { address, server_name, ca_cert } = config.mcias;
  return { address, serverName: server_name, ca: Deno.readTextFileSync(ca_cert) };
}
