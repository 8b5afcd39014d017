/**
 * An MC-Proxy with everything configured that has been taken over: it reaches its backends, MCIAS and the ACME server at the
 * ports for that, and its own files, its certificates among them, which it can't change. With backends on other machines
 * only, this machine's other ports are closed to it too.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { writeWhole } from "../../deploy/local/files.ts";
import { type Layout, loopback } from "../../deploy/local/layout.ts";
import { Escape, refusals } from "./escape.ts";
import { fullConfig, readOnly } from "./mcproxy_full_config.ts";

const aBackend = "connect to any port of a backend's host";
const linked = "follow a link that was there before the start";
const tls = `${loopback}:18443`;

/** Nobody listens at any of the addresses. */
function config({ ports, srv }: Layout): string {
  return fullConfig({
    tls,
    tcp: `${loopback}:18444`,
    http: `${loopback}:18080`,
    later: `${loopback}:18445`,
    metrics: `${loopback}:${ports.proxyMetrics}`,
    admin: { rest: `${loopback}:18446`, grpc: `${loopback}:18447` },
    mcias: `${loopback}:${ports.mcias.grpc}`,
    backends: { host: "127.0.0.2", port: "127.0.0.3:443" },
    acme: { address: "127.0.0.4:443", directory: "https://127.0.0.4/directory" },
    file: (name) => srv("mcproxy", name),
  });
}

Deno.test("MC-Proxy with everything configured, taken over, doesn't get out of its sandbox", async (t) => {
  using escape = new Escape("mcproxy", config);
  const { layout } = escape;
  const own = (name: string) => layout.srv("mcproxy", name);
  const foreign = ["tls/key.pem", "data/other.db", "log/access.log"].map((name) => layout.srv("other", name));
  const certificates = ["certs/web.pem", "certs/web.key"].map(own);
  const untouched = [
    ...certificates,
    ...foreign,
    ...readOnly.map(own),
    ...["certs-of-others/x.key", "other-key.pem"].map(own),
    layout.srv("mcpagent", "token"),
    layout.pki.rootKey,
  ];
  for (const path of untouched) writeWhole(path, `of ${path}`);
  for (const name of ["log", "run"]) Deno.mkdirSync(own(name));

  const outcomes = {
    ...await escape.attempt(),
    ...await escape.run("mcproxy_escapes.js", {
      srv: layout.srv(""),
      rootKey: layout.pki.rootKey,
      mciasRest: `${loopback}:${layout.ports.mcias.rest}`,
      tls,
    }),
  };
  ok(Object.keys(outcomes).length > 100, "too few attempts were made");
  for (const [name, { done, refused = "" }] of Object.entries(outcomes)) {
    if (name === linked) continue;
    await t.step(name === aBackend ? `may ${name}` : `can't ${name}`, () => {
      equal(done, undefined);
      match(refused, name === aBackend ? /Connection refused/ : refusals);
    });
  }
  await t.step("has changed nothing of others, nor what it only reads", () => {
    for (const path of untouched) equal(Deno.readTextFileSync(path), `of ${path}`);
    deepEqual([...Deno.readDirSync(own("certs"))].map(({ name }) => name).toSorted(), ["web.key", "web.pem"]);
    deepEqual([...Deno.readDirSync(own("run"))], []);
  });
});
