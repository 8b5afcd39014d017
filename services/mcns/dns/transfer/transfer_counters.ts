import type { Registry } from "@lib/metrics/mod.ts";

/** What servers have done with each other since start. */
export class TransferCounters {
  transfersOut = 0;
  transfersRefused = 0;
  transfersIn = 0;
  transfersFailed = 0;
  notifiesOut = 0;
  notifiesIn = 0;
  updates = 0;
  updatesRefused = 0;
  /** Messages whose signature was wrong, unknown or out of time. */
  badSignatures = 0;

  /** Shows them as Prometheus counters. */
  register(metrics: Registry): void {
    const counters: [string, string, () => number][] = [
      ["mcns_transfers_out_total", "Zone transfers begun for secondaries", () => this.transfersOut],
      ["mcns_transfers_refused_total", "Zone transfers refused", () => this.transfersRefused],
      ["mcns_transfers_in_total", "Zone transfers taken over from primaries", () => this.transfersIn],
      ["mcns_transfers_failed_total", "Primaries that could not be transferred from", () => this.transfersFailed],
      ["mcns_notifies_out_total", "NOTIFY messages sent", () => this.notifiesOut],
      ["mcns_notifies_in_total", "NOTIFY messages taken from primaries", () => this.notifiesIn],
      ["mcns_updates_total", "Dynamic updates carried out", () => this.updates],
      ["mcns_updates_refused_total", "Dynamic updates refused", () => this.updatesRefused],
      ["mcns_tsig_failures_total", "Messages with a TSIG signature that did not hold", () => this.badSignatures],
    ];
    for (const [name, help, read] of counters) metrics.counterFrom(name, help, read);
  }
}
