/**
 * A name server on loopback whose zones are signed in real time.
 * @module
 */
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { type Dnssec, openDnssec } from "../../services/mcns/dnssec/open_dnssec.ts";
import type { DomainName } from "../../services/mcns/domain/name.ts";
import { parseSeedRecord } from "../../services/mcns/domain/seed.ts";
import { defaultSigningPolicy, type SigningPolicy } from "../../services/mcns/domain/signing_policy.ts";
import type { DnssecState } from "../../services/mcns/operations/dnssec_control.ts";
import { recordsOf } from "../../services/mcns/store/published.ts";
import { DnssecKeyStore } from "../../services/mcns/store/dnssec_key_store.ts";
import { KeyVault } from "../../services/mcns/store/key_vault.ts";
import { type NameServer, nameServer } from "../../services/mcns/testing/name_server.ts";
import { by, settings } from "../../services/mcns/testing/temp_store.ts";
import { formatZoneFile } from "../../services/mcns/domain/zone_file/format_zone_file.ts";

export interface SignedServer extends AsyncDisposable {
  readonly server: NameServer;
  readonly dnssec: Dnssec;
  readonly port: number;
  /** A primary zone whose TTLs are all 1 s: what validators keep is soon forgotten. */
  createZone(name: string, lines: readonly string[]): DomainName;
  /** Signs it; caches and servers have every change after 1 s. */
  sign(zone: DomainName, policy: Partial<SigningPolicy>): Promise<DnssecState>;
  /** The published zone as a zone file. */
  text(zone: DomainName): string;
}

export async function signedServer(): Promise<SignedServer> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await nameServer());
  const { store } = server;
  // Signatures have times: the store's clock follows the real one.
  store.clock.set(Date.now());
  const following = setInterval(() => store.clock.set(Date.now()), 20);
  stack.defer(() => clearInterval(following));
  const keys = new DnssecKeyStore(store.db, KeyVault.open(join(store.path, "..", "dnssec.key")));
  const { editor, directory: zones } = store;
  const dnssec = stack.use(openDnssec({ store: keys, editor, zones, clock: systemClock, log: silentLogger }));
  dnssec.maintenance.start();
  const running = stack.move();
  return {
    server,
    dnssec,
    port: server.port,
    createZone(name, lines) {
      const zone = server.createZone(name, [], { primaryNs: `ns1.${name}` });
      editor.edit(zone, by, "test", (edit) => {
        edit.setSettings({ ...settings, primaryNs: `ns1.${name}`, minimum: 1 }, 1);
        for (const line of lines) edit.add({ ...parseSeedRecord(line, zone, "record"), ttlSeconds: 1 });
      });
      return zone;
    },
    sign: (zone, policy) =>
      dnssec.control.sign(zone, { ...defaultSigningPolicy, propagationSeconds: 1, dsTtlSeconds: 1, ...policy }, by),
    text(zone) {
      const published = editor.zone(zone);
      return formatZoneFile(zone, [...published.names()].flatMap((key) => recordsOf(key, published.setsAt(key))));
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
