/**
 * ACME as the proxy uses it, put together: connection, account, challenges, certificates.
 * @module
 */
import { join } from "node:path";
import { AcmeClient, type ExternalAccount, type PollLimits } from "@lib/acme/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { CertificateKeeper } from "./certificate_keeper.ts";
import { ChallengeTable } from "./challenge_table.ts";
import { PairFolder } from "./pair_folder.ts";

export interface AcmeSettings {
  /** Where certificates, keys and open challenges are kept; made when it isn't there. */
  dir: string;
  /** The kind of proof: http-01 needs an http listener on port 80, tls-alpn-01 a tls listener on port 443. */
  challenge: "http-01" | "tls-alpn-01";
  directoryUrl: string;
  /** `host:port` of the ACME server, the name in its certificate, and the CA of that, PEM. */
  address: string;
  serverName: string;
  caPem: string;
  contacts: readonly string[];
  termsAgreed: boolean;
  externalAccount: ExternalAccount | null;
  clock: Clock;
  log: Logger;
  pollLimits?: Partial<PollLimits>;
}

export interface Acme extends AsyncDisposable {
  /** `start()` it when the listeners are open. */
  readonly certificates: CertificateKeeper;
  readonly challenges: ChallengeTable;
}

/** @throws PlatformError `invalid` for a bad directory URL or address */
export function startAcme(settings: AcmeSettings): Acme {
  const { dir, challenge, directoryUrl, address, serverName, contacts, termsAgreed, clock, log } = settings;
  const { externalAccount, pollLimits = {} } = settings;
  const http = new HttpsClient({ address, serverName, ca: settings.caPem });
  const folder = new PairFolder(dir);
  const challenges = new ChallengeTable(challenge, join(dir, "challenges"), clock);
  const certificates = new CertificateKeeper({
    folder,
    client: (accountKey) =>
      new AcmeClient({
        directoryUrl,
        http,
        accountKey,
        ...(contacts.length === 0 ? {} : { contacts }),
        termsAgreed,
        ...(externalAccount === null ? {} : { externalAccount }),
        clock,
        log,
        pollLimits,
      }),
    solver: challenges,
    clock,
    log,
  });
  return {
    certificates,
    challenges,
    async [Symbol.asyncDispose]() {
      // Orders are given up first, then their requests cut: a CA that doesn't answer holds nobody up.
      const closed = certificates.close();
      http.close();
      await closed;
      folder.close();
    },
  };
}
