import { join } from "node:path";
import { silentLogger } from "@lib/log/mod.ts";
import { type Dnssec, openDnssec } from "../dnssec/open_dnssec.ts";
import type { DomainName } from "../domain/name.ts";
import { defaultSigningPolicy, type SigningPolicy } from "../domain/signing_policy.ts";
import type { DnssecState } from "../operations/dnssec_control.ts";
import { DnssecKeyStore } from "../store/dnssec_key_store.ts";
import { KeyVault } from "../store/key_vault.ts";
import { by, type Opened, settings, type StoreUnderTest, storeUnderTest, zoneName } from "./temp_store.ts";

/** A store in a temporary folder, whose zones can be signed. */
export interface DnssecUnderTest extends AsyncDisposable {
  readonly stores: StoreUnderTest;
  readonly keys: DnssecKeyStore;
  readonly dnssec: Dnssec;
  /** example.org, with the records of these lines. */
  readonly zone: DomainName;
  /** Ed25519 and NSEC, but for what is given. */
  sign(policy?: Partial<SigningPolicy>): Promise<DnssecState>;
  /** Moves the clock on, and does what is due then. */
  wait(ms: number): Promise<void>;
  /** Signing over the same database once more, as after a restart; with another key file, where its path is given. */
  reopen(opened: Opened, keyFile?: string): Dnssec;
}

export const policyOf = (policy: Partial<SigningPolicy> = {}): SigningPolicy => ({
  ...defaultSigningPolicy,
  algorithm: "ed25519",
  ...policy,
});

export async function dnssecUnderTest(lines: readonly string[]): Promise<DnssecUnderTest> {
  const stores = await storeUnderTest({ journalBytes: 10_000_000 });
  const open = (opened: Opened, keyFile = "mcns.key") => {
    const keys = new DnssecKeyStore(opened.db, KeyVault.open(join(stores.path, "..", keyFile)));
    const { clock } = stores;
    const dnssec = openDnssec({
      store: keys,
      editor: opened.editor,
      zones: opened.directory,
      clock,
      log: silentLogger,
    });
    return { keys, dnssec };
  };
  const { keys, dnssec } = open(stores);
  const zone = zoneName("example.org");
  stores.editor.create(zone, { settings }, by);
  for (const line of lines) stores.add(zone, line);
  return {
    stores,
    keys,
    dnssec,
    zone,
    sign: (policy) => dnssec.control.sign(zone, policyOf(policy), by),
    async wait(ms) {
      stores.clock.advance(ms);
      await dnssec.maintenance.tick();
    },
    reopen: (opened, keyFile) => open(opened, keyFile).dnssec,
    async [Symbol.asyncDispose]() {
      await dnssec[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}
