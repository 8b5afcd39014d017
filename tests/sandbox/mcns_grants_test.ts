/**
 * MCNS with every feature configured runs with exactly the grants that are derived for it: it asks for nothing else, it uses
 * each, and without any one of them its story does not come about. So do its verbs.
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { rmSync } from "node:fs";
import { basename } from "node:path";
import { openDatabase } from "@lib/db/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { DnssecKeyStore } from "../../services/mcns/store/dnssec_key_store.ts";
import { KeyVault } from "../../services/mcns/store/key_vault.ts";
import { zoneName } from "../../services/mcns/testing/temp_store.ts";
import { SandboxBench } from "./bench.ts";
import { tryGrants } from "./grant_trial.ts";
import { cookieSecret, McnsParty, tsig } from "./mcns_party.ts";
import { McnsStory, stopped } from "./mcns_story.ts";
import { filesIn, octetsOf, openTo, type Secrets, secretsIn } from "./secrets.ts";

let bench: SandboxBench;

Deno.test.beforeAll(async () => {
  bench = await SandboxBench.make();
});

Deno.test.afterAll(() => bench[Symbol.dispose]());

Deno.test("MCNS with everything configured asks for nothing that isn't granted, uses every grant, and can do without none", async (t) => {
  await using party = await McnsParty.gather(bench);
  const story = new McnsStory(bench, party);
  await tryGrants(t, {
    grants: bench.grants("mcns"),
    audit: bench.scratch("mcns.audit"),
    run: (options) => story.run(options),
    shown: bench.shown,
  });
});

Deno.test("MCNS's verbs and secrets, while it runs with everything configured", async (t) => {
  await using party = await McnsParty.gather(bench);
  const story = new McnsStory(bench, party);
  party.forget();
  await using program = await bench.serving("mcns");
  await story.happen();
  const snapshot = party.config.file("data/snapshot.db");

  const verbs = { status: ["status"], snapshot: ["snapshot", "--out", snapshot] };
  for (const [verb, words] of Object.entries(verbs)) {
    await t.step(
      `${verb} asks for nothing that isn't granted, uses every grant, and can do without none`,
      async (t) => {
        await tryGrants(t, {
          grants: bench.verbGrants("mcns", verb),
          audit: bench.scratch(`mcns.${verb}.audit`),
          shown: bench.shown,
          run: async (options) => {
            rmSync(snapshot, { force: true });
            const { code, output } = await bench.verb("mcns", words, options);
            equal(code, 0, output);
          },
        });
      },
    );
  }

  // The last one was kept from writing it.
  equal((await bench.verb("mcns", verbs.snapshot)).code, 0);

  const secrets: Secrets = {
    "the administrator's password": bench.password,
    "a token": bench.token,
    "a session": story.session.split("=")[1]!,
    "a TSIG secret": Uint8Array.fromBase64(tsig.secret),
    "the cookies' secret": Uint8Array.fromHex(cookieSecret),
    "the key of keys": Deno.readFileSync(party.config.file("keys/mcns.key")),
    "the key of a zone": zoneKey(party.config.file),
    "the key of the certificate": Deno.readTextFileSync(party.config.file("tls/key.pem")).split("\n")[1]!,
  };
  const process = (name: string) => octetsOf(`/proc/${program.pid}/${name}`);
  await t.step("no secret stands in its log, arguments or environment, nor in what status says", async () => {
    const { output } = await bench.verb("mcns", ["status"]);
    const places = {
      log: program.output,
      arguments: process("cmdline"),
      environment: process("environ"),
      status: output,
    };
    match(program.output, / query /);
    deepEqual(Object.entries(places).flatMap(([place, text]) => secretsIn(place, text, secrets)), []);
  });
  await t.step("no secret stands in its data folder, and what it writes is for its owner alone", async () => {
    const { file } = party.config;
    const key = file("keys/mcns.key");
    deepEqual(secretsIn("key file", octetsOf(key), secrets), ["the key of keys in key file"]);
    const check = (...names: string[]) => {
      const written = filesIn(file("data"));
      deepEqual(written.map((path) => basename(path)), names);
      deepEqual([...written, key].flatMap(openTo), []);
      deepEqual(written.flatMap((path) => secretsIn(basename(path), octetsOf(path), secrets)), []);
    };
    check("mcns.db", "mcns.db-shm", "mcns.db-wal", "snapshot.db");
    await stopped(program);
    check("cache.bin", "mcns.db", "snapshot.db");
  });
});

/** The private number of a key that signs one of MCNS's zones. */
function zoneKey(file: (name: string) => string): Uint8Array {
  const path = file("data/mcns.db");
  using db = openDatabase({ path, migrations: "as-is", durability: "normal", log: silentLogger });
  const store = new DnssecKeyStore(db, KeyVault.open(file("keys/mcns.key")));
  const { keys } = store.find(zoneName(store.names()[0]!))!;
  const pkcs8 = store.privateKey(keys[0]!);
  // RFC 5958, RFC 5915: an OCTET STRING of 32 octets.
  const at = pkcs8.findIndex((octet, i) => octet === 4 && pkcs8[i + 1] === 32);
  return pkcs8.slice(at + 2, at + 34);
}
