/** A client of the test's server with everything that a test wants to look at. */
import { type Clock, systemClock } from "@lib/clock/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { generateKey } from "@lib/pki/mod.ts";
import type { Challenge, ChallengeSolver, ChallengeType } from "../challenge.ts";
import { AcmeClient, type AcmeClientOptions } from "../client.ts";
import { type AcmeServer, acmeServer } from "./acme_server.ts";

/** Answers DNS challenges in a table that the server looks into. */
export class DnsTable implements ChallengeSolver {
  readonly types: readonly ChallengeType[] = ["dns-01"];
  readonly records = new Map<string, string[]>();
  readonly cleared: string[] = [];
  /** Nothing is shown while true. */
  idle = false;

  lookUp = (name: string): Promise<readonly string[]> => Promise.resolve(this.records.get(name) ?? []);

  present(challenge: Challenge): Promise<void> {
    if (challenge.type !== "dns-01") throw new TypeError(challenge.type);
    const { recordName, recordValue } = challenge;
    if (!this.idle) this.records.set(recordName, [...this.records.get(recordName) ?? [], recordValue]);
    return Promise.resolve();
  }

  clear(challenge: Challenge): Promise<void> {
    this.cleared.push(challenge.name);
    return Promise.resolve();
  }
}

export interface Scene extends AsyncDisposable {
  server: AcmeServer;
  client: AcmeClient;
  dns: DnsTable;
  /** How long the client waited, each time, ms; it didn't really. */
  waits: number[];
  another(options?: Partial<AcmeClientOptions>): Promise<AcmeClient>;
}

/** A server, and a client whose names are proven in its `dns` table. */
export async function scene(options: Partial<AcmeClientOptions> = {}, lifeMs?: number): Promise<Scene> {
  const dns = new DnsTable();
  const server = await acmeServer({ lookUp: dns.lookUp }, lifeMs);
  const http = new HttpsClient({ address: server.address, serverName: "localhost", ca: server.caPem });
  const waits: number[] = [];
  const clock: Clock = systemClock;
  const another = async (more: Partial<AcmeClientOptions> = {}) =>
    new AcmeClient({
      directoryUrl: server.directory,
      http,
      accountKey: await generateKey("P-256"),
      clock,
      log: silentLogger,
      wait: (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
      ...options,
      ...more,
    });
  return {
    server,
    client: await another(),
    dns,
    waits,
    another,
    async [Symbol.asyncDispose]() {
      http.close();
      await server[Symbol.asyncDispose]();
    },
  };
}
