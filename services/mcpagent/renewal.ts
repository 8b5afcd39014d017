/**
 * Renews certificates when a third of their lifetime is left: those of the services' L7 routes and those of the platform's
 * own programs. Both are read again by who serves them, without a restart. A failure is tried again at every look, which
 * is hourly by default; with certificates of 90 days that is a month of tries, and it shows in `mcp node status`.
 * @module
 */
import { join } from "node:path";
import { messageOf } from "@lib/errors/mod.ts";
import type { AgentNode } from "./deploy/agent_node.ts";
import { type CertificatePair, isDue, issuePair, readCertificate, servicePair } from "./deploy/certificates.ts";
import { pause } from "./runtime/pause.ts";

export interface RenewalOptions {
  /** Folders with cert.pem and key.pem of platform programs. */
  readonly folders: readonly string[];
  /** Between two looks, ms. */
  readonly intervalMs: number;
}

/** Looks at all certificates at once and then at every interval, until the agent ends. */
export async function renewCertificates(node: AgentNode, options: RenewalOptions): Promise<void> {
  while (!node.stopping.aborted) {
    node.problems.setTopic("certificates", await renewDue(node, options.folders));
    await pause(options.intervalMs, node.stopping);
  }
}

/** Renews what is due. @returns what failed, in words */
export async function renewDue(node: AgentNode, folders: readonly string[]): Promise<string[]> {
  const { registry, settings, neighbours, clock, log } = node;
  const failures: string[] = [];
  const renew = async (service: string, pair: CertificatePair): Promise<boolean> => {
    const present = readCertificate(pair.cert);
    if (present === null || !isDue(present, clock.now())) return false;
    try {
      const made = await issuePair(neighbours.issuer, pair, present.names, false);
      const detail = `${present.names.join(", ")}: good until ${made.notAfter.toISOString()}`;
      registry.events.add({ service, component: "", kind: "renewed", detail, actor: "agent" });
      log.info("certificate renewed", { service, file: pair.cert, not_after: made.notAfter.toISOString() });
      return true;
    } catch (error) {
      failures.push(`${pair.cert} (until ${present.notAfter.toISOString()}) can't be renewed: ${messageOf(error)}`);
      return false;
    }
  };
  for (const folder of folders) {
    await renew(folder.split("/").at(-2) ?? "", { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") });
  }
  let changed = false;
  for (const { name, release } of registry.services.list()) {
    // A deploy looks after its own.
    if (release.certificateNames.length === 0 || node.locks.isHeld(name)) continue;
    changed = await renew(name, servicePair(settings.certsDir, name)) || changed;
  }
  if (changed) {
    try {
      await neighbours.ingress.reloadCertificates();
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  return failures;
}
