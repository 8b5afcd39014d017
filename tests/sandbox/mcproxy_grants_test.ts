/**
 * MC-Proxy with every feature configured runs with exactly the grants that are derived for it: it asks for nothing else, it
 * uses each, and without any one of them its story does not come about. So do its verbs.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { basename, relative } from "node:path";
import { eventually } from "../../services/mcns/testing/name_server.ts";
import { exchange } from "../../services/mcproxy/testing/raw.ts";
import { notGranted, readAudit } from "./audit.ts";
import { SandboxBench } from "./bench.ts";
import { tryGrants } from "./grant_trial.ts";
import { McproxyParty, names } from "./mcproxy_party.ts";
import { allSecrets, keyFiles, sendSecrets } from "./mcproxy_secrets.ts";
import { McproxyStory, stopped } from "./mcproxy_story.ts";
import { filesIn, octetsOf, openTo, secretsIn } from "./secrets.ts";

let bench: SandboxBench;

Deno.test.beforeAll(async () => {
  bench = await SandboxBench.make();
});

Deno.test.afterAll(() => bench[Symbol.dispose]());

Deno.test("MC-Proxy with everything configured asks for nothing that isn't granted, uses every grant, and can do without none", async (t) => {
  await using party = await McproxyParty.gather(bench);
  const story = new McproxyStory(bench, party);
  await tryGrants(t, {
    grants: bench.grants("mcproxy"),
    audit: bench.scratch("mcproxy.audit"),
    run: (options) => story.run(options),
    shown: bench.shown,
  });
});

Deno.test("MC-Proxy asks for nothing that isn't granted when files change, its log is full, and another takes over", async (t) => {
  await using party = await McproxyParty.gather(bench);
  const { config, authority } = party;
  const story = new McproxyStory(bench, party);
  const [first, second] = [bench.scratch("mcproxy.first.audit"), bench.scratch("mcproxy.second.audit")];
  party.forget();
  await using program = bench.start("mcproxy", { audit: first });
  await program.until(/ ready service=/);
  await story.happen();

  // For two names.
  await party.certify();
  await program.until(/Certificate loaded.*web\.pem/, 10_000, 2);
  party.renewCountries();
  await program.until(/Country database loaded/, 10_000, 2);
  const server = { port: Number(config.tls.split(":")[1]), hostname: names.web, ca: authority.root };
  const request = `GET /${"x".repeat(4000)} HTTP/1.1\r\nHost: ${names.web}\r\n`;
  await exchange(server, `${`${request}\r\n`.repeat(600)}${request}Connection: close\r\n\r\n`);
  const numbered = () => existsSync(config.file("log/access.log.1"));
  // The file is looked at before each write.
  await eventually(async () => (await story.ask(names.web, "/f")).status === 200 && numbered(), true);

  await using another = bench.start("mcproxy", { audit: second });
  await another.until(/ ready service=/);
  await stopped(program);
  equal((await story.ask(names.acme, "/g")).text, "plain /g\n");
  await using routes = story.routes();
  equal((await routes.listRoutes({})).routes.length, 6);
  await stopped(another);

  const grants = bench.grants("mcproxy");
  for (const [name, audit] of Object.entries({ "the first": first, "the second": second })) {
    await t.step(name, () => deepEqual(notGranted(readAudit(audit), grants), []));
  }
});

Deno.test("MC-Proxy's verbs and secrets, while it runs with everything configured", async (t) => {
  await using party = await McproxyParty.gather(bench);
  const story = new McproxyStory(bench, party);
  const { file } = party.config;
  party.forget();
  await using program = await bench.serving("mcproxy");
  await story.happen();
  const snapshot = file("data/snapshot.db");

  const verbs = { status: ["status"], snapshot: ["snapshot", "--out", snapshot] };
  for (const [verb, words] of Object.entries(verbs)) {
    await t.step(
      `${verb} asks for nothing that isn't granted, uses every grant, and can do without none`,
      async (t) => {
        await tryGrants(t, {
          grants: bench.verbGrants("mcproxy", verb),
          audit: bench.scratch(`mcproxy.${verb}.audit`),
          shown: bench.shown,
          run: async (options) => {
            rmSync(snapshot, { force: true });
            const { code, output } = await bench.verb("mcproxy", words, options);
            equal(code, 0, output);
          },
        });
      },
    );
  }

  // The last one was kept from writing it.
  equal((await bench.verb("mcproxy", verbs.snapshot)).code, 0);

  await sendSecrets(party, story);
  const secrets = allSecrets(bench, party, story);
  const process = (name: string) => octetsOf(`/proc/${program.pid}/${name}`);
  await t.step(
    "no secret stands in its log, arguments or environment, nor in what status and metrics say",
    async () => {
      const places = {
        log: program.output,
        arguments: process("cmdline"),
        environment: process("environ"),
        status: (await bench.verb("mcproxy", verbs.status)).output,
        metrics: await (await fetch(`http://${party.config.metrics}/metrics`)).text(),
        health: await (await fetch(`http://${party.config.metrics}/health`)).text(),
      };
      match(program.output, /Backend/);
      deepEqual(Object.entries(places).flatMap(([place, text]) => secretsIn(place, text, secrets)), []);
    },
  );

  await stopped(program);
  await t.step("no secret stands in its access log, which has the requests", () => {
    const log = file("log/access.log");
    const lines = octetsOf(log);
    ok(lines.split("\n").length > 20, lines);
    for (const path of ["/private", "/down/private", "/malformed/private"]) {
      ok(lines.includes(`"path":"${path}"`), path);
    }
    deepEqual(secretsIn("access log", lines, secrets), []);
    // Its group reads it, and nobody else.
    deepEqual(filesIn(file("log")).flatMap(openTo), [`${log} 640`]);
  });
  await t.step("keys stand in their own files, no secret in another, and what it writes is for its owner alone", () => {
    const written = filesIn(file("data"));
    deepEqual(written.map((path) => relative(file("data"), path)), [
      "acme/account.key",
      `acme/${names.acme}.key`,
      `acme/${names.acme}.pem`,
      "acme/lock",
      "mcproxy.db",
      "sign_in.key",
      "snapshot.db",
    ]);
    deepEqual(written.flatMap(openTo), []);
    const found = filesIn(file("")).flatMap((path) => secretsIn(relative(file(""), path), octetsOf(path), secrets));
    const places = new Set(found.map((one) => one.split(" in ").at(-1)!));
    deepEqual([...places].toSorted(), [...keyFiles].toSorted());
    deepEqual(keyFiles.map(file).flatMap(openTo), [], basename(file("")));
  });
});
