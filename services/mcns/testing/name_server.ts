/** A whole name server on loopback, store and transfers included, without the API: for tests with other servers. */
import { systemClock } from "@lib/clock/mod.ts";
import { type Logger, silentLogger } from "@lib/log/mod.ts";
import type { CertificateFiles } from "@lib/tls/mod.ts";
import { Answers } from "../dns/answer.ts";
import { ClientNetworks } from "../dns/client_networks.ts";
import { Counters } from "../dns/counters.ts";
import { openTransfers, type Transfers } from "../dns/transfer/open_transfers.ts";
import { listenDns } from "../dns/transport/listen.ts";
import { DomainName } from "../domain/name.ts";
import { parseSeedRecord } from "../domain/seed.ts";
import type { TsigAlgorithm } from "../domain/tsig_key.ts";
import { parseScope, type ScopeText } from "../domain/update_scope.ts";
import { KeyVault } from "../store/key_vault.ts";
import { type TransferStores, transferStores } from "../store/transfer_stores.ts";
import { by, settings, type StoreUnderTest, storeUnderTest, zoneName } from "./temp_store.ts";

export interface NameServer extends AsyncDisposable {
  /** "127.0.0.1:port", UDP and TCP. */
  readonly address: string;
  readonly port: number;
  /** "" when there is no certificate. */
  readonly tlsAddress: string;
  readonly store: StoreUnderTest;
  readonly stores: TransferStores;
  readonly transfers: Transfers;
  /** A primary zone with records "www 300 A 192.0.2.1". */
  createZone(name: string, records?: readonly string[], times?: Partial<typeof settings>): DomainName;
  /** A secondary of that primary. */
  createSecondary(name: string, primary: string, options?: SecondaryOptions): DomainName;
  /** Returns the secret in Base64. */
  createKey(name: string, scopes?: readonly ScopeText[], algorithm?: TsigAlgorithm): string;
  /** The key as it is elsewhere. */
  addKey(name: string, secret: string, algorithm?: TsigAlgorithm): void;
}

export interface SecondaryOptions {
  readonly tsigKey?: string;
  readonly tlsName?: string;
  readonly isCatalog?: boolean;
}

export interface NameServerOptions {
  readonly hostname?: string;
  readonly certificates?: CertificateFiles;
  /** Trust anchors for transfers over TLS, PEM. */
  readonly tlsCa?: string;
  readonly maxZoneBytes?: number;
  /** Default none. */
  readonly log?: Logger;
}

export async function nameServer(options: NameServerOptions = {}): Promise<NameServer> {
  const { hostname = "127.0.0.1", certificates, tlsCa = "", maxZoneBytes = 10_000_000, log = silentLogger } = options;
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await storeUnderTest());
  const stores = transferStores(store.db, store.audit, KeyVault.open(`${store.path}.key`), silentLogger);
  const transfers = stack.use(openTransfers({
    ...{ zones: store.zones, editor: store.editor, stores, tlsCa, maxZoneBytes, log },
    sources: [{ hostname, port: 0 }],
    clock: systemClock,
  }));
  const counters = new Counters();
  const dns = await listenDns({
    addresses: [`${hostname}:0`],
    ...(certificates === undefined ? {} : { tls: { addresses: [`${hostname}:0`], certificates } }),
    answers: new Answers({
      ...{ views: store.views, forwarder: null, forwardFor: new ClientNetworks([]), special: transfers.special },
      ...{ counters, log },
    }),
    ...{ counters, clock: systemClock, log, idleMs: 10_000, maxConnections: 100, maxPerClient: 100 },
  });
  stack.defer(() => dns.close(1000));
  transfers.start();
  const running = stack.move();
  return {
    address: dns.addresses[0]!,
    port: Number(dns.addresses[0]!.split(":").at(-1)),
    tlsAddress: dns.tlsAddresses[0] ?? "",
    store,
    stores,
    transfers,
    createZone(text, records = [], times = {}) {
      const name = zoneName(text);
      store.editor.create(name, { settings: { ...settings, ...times } }, by, (edit) => {
        for (const line of records) edit.add(parseSeedRecord(line, name, "record"));
      });
      return name;
    },
    createSecondary(text, primary, { tsigKey = "", tlsName = "", isCatalog = false } = {}) {
      const name = zoneName(text);
      store.editor.together(() => {
        store.editor.create(name, { settings, kind: "secondary", isCatalog }, by);
        transfers.control.set(name, { primaries: [{ address: primary, tsigKey, tlsName }], secondaries: [] }, by);
      });
      return name;
    },
    createKey(text, scopes = [], algorithm = "hmac-sha256") {
      const name = DomainName.parse(text, "name");
      const parsed = scopes.map((scope) => parseScope(scope));
      const { secret } = stores.keys.create({ name, algorithm, scopes: parsed, secret: null }, by);
      return secret.toBase64();
    },
    addKey(text, secret, algorithm = "hmac-sha256") {
      const name = DomainName.parse(text, "name");
      stores.keys.create({ name, algorithm, scopes: [], secret: Uint8Array.fromBase64(secret) }, by);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Waits until `look` gives `want`; fails with what it gives after `patienceMs`. */
export async function eventually<T>(look: () => T | Promise<T>, want: T, patienceMs = 10_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const got = await look();
    if (JSON.stringify(got) === JSON.stringify(want)) return;
    if (performance.now() > deadline) {
      throw new Error(`after ${patienceMs} ms it is ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
