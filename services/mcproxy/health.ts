/**
 * What is wrong, in words for an operator.
 * @module
 */
import type { HealthReport } from "@lib/service/mod.ts";
import type { CountryFile } from "./firewall/country_file.ts";
import type { Firewall } from "./firewall/firewall.ts";
import type { RuleBook } from "./firewall/rule_book.ts";
import type { ListenerSet } from "./listening/listener_set.ts";
import type { Router } from "./routing/router.ts";
import type { AccessLog } from "./traffic/access_log.ts";

export interface HealthParts {
  listeners: Pick<ListenerSet, "unopened">;
  book: Pick<RuleBook, "unenforced">;
  firewall: Pick<Firewall, "problems">;
  country: Pick<CountryFile, "alarm"> | null;
  router: Router;
  accessLog: Pick<AccessLog, "problem"> | null;
  /** Certificates with less left are said to expire. */
  warnDays: number;
  /** Milliseconds since the epoch. */
  now: number;
}

const dayMs = 86_400_000;

/** Degraded by anything that somebody should look at; traffic goes on. */
export function healthOf(
  { listeners, book, firewall, country, router, accessLog, warnDays, now }: HealthParts,
): HealthReport {
  const reasons = [
    ...listeners.unopened,
    ...book.unenforced,
    ...firewall.problems,
    ...[country?.alarm ?? "", accessLog?.problem ?? ""].filter((text) => text !== ""),
    ...router.unserved,
    ...certificateReasons(router, now, warnDays),
  ];
  return { status: reasons.length === 0 ? "serving" : "degraded", reasons };
}

function certificateReasons(router: Router, now: number, warnDays: number): string[] {
  const reasons: string[] = [];
  for (const live of router.routes()) {
    const served = router.certificateOf(live);
    if (served === null) continue;
    const where = `route ${live.route.listener} ${live.route.hostname}`;
    if (served.error !== "") reasons.push(`${where}: ${served.error}`);
    const end = served.notAfter?.getTime();
    if (end !== undefined && end - now <= warnDays * dayMs) {
      reasons.push(`${where}: its certificate ${endText(end, now)}`);
    }
    const clients = router.clientAuthorityOf(live);
    if (clients === null) continue;
    if (clients.error !== "") reasons.push(`${where}: ${clients.error}`);
    const last = clients.value?.notAfter.getTime();
    if (last !== undefined && last - now <= warnDays * dayMs) {
      reasons.push(`${where}: its client CA ${endText(last, now)}`);
    }
  }
  return reasons;
}

function endText(end: number, now: number): string {
  return `${end <= now ? "expired" : "expires"} at ${new Date(end).toISOString()}`;
}
