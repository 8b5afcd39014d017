/**
 * An MCNS with everything configured that has been taken over: it reaches whom it is to deal with, at the ports for that,
 * and its own files. With `dns.allow_clients` of other machines only, this machine's other ports are closed to it too.
 */
import { equal, match, ok } from "node:assert/strict";
import { writeWhole } from "../../deploy/local/files.ts";
import { type Layout, loopback } from "../../deploy/local/layout.ts";
import { Escape, refusals } from "./escape.ts";
import { fullConfig } from "./mcns_full_config.ts";

const aClient = "connect to a client";
const linked = "follow a link that was there before the start";

/** Nobody listens at any of the addresses. */
function config({ ports, srv, pki }: Layout): string {
  return fullConfig({
    rest: `${loopback}:${ports.mcns.rest}`,
    grpc: `${loopback}:${ports.mcns.grpc}`,
    dns: `${loopback}:${ports.dns}`,
    dot: `${loopback}:${ports.dot}`,
    mcias: `${loopback}:${ports.mcias.grpc}`,
    client: "127.0.0.9",
    upstream: { plain: "127.0.0.2:53", tls: "127.0.0.2:853", from: "127.0.0.10:0" },
    peer: { tcp: "127.0.0.3:53", tls: "127.0.0.3:853", from: `${loopback}:0` },
    root: pki.root,
    file: (name) => srv("mcns", name),
  });
}

Deno.test("MCNS with everything configured, taken over, doesn't get out of its sandbox", async (t) => {
  using escape = new Escape("mcns", config);
  const { layout } = escape;
  const own = ["mcns.key", "old.key"].map((name) => layout.srv("mcns", "keys", name));
  const foreign = ["keys/other.key", "data/other.db", "tls/key.pem"].map((name) => layout.srv("other", name));
  const read = ["cookie-secret", "blocked", "upstream-ca.pem", "peer-ca.pem", "own-ca.pem", "tls/cert.pem"]
    .map((name) => layout.srv("mcns", name));
  const untouched = [...own, ...foreign, ...read, layout.pki.rootKey];
  for (const path of untouched) writeWhole(path, `of ${path}`);

  const outcomes = {
    ...await escape.attempt(),
    ...await escape.run("mcns_escapes.js", {
      srv: layout.srv(""),
      rootKey: layout.pki.rootKey,
      mciasRest: `${loopback}:${layout.ports.mcias.rest}`,
    }),
  };
  ok(Object.keys(outcomes).length > 75, "too few attempts were made");
  for (const [name, { done, refused = "" }] of Object.entries(outcomes)) {
    if (name === linked) continue;
    await t.step(name === aClient ? `may ${name}` : `can't ${name}`, () => {
      equal(done, undefined);
      match(refused, name === aClient ? /Connection refused/ : refusals);
    });
  }
  await t.step("has changed nothing of others, nor what it only reads", () => {
    for (const path of untouched) equal(Deno.readTextFileSync(path), `of ${path}`);
  });
});
