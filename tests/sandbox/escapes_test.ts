/**
 * A program that has been taken over, under the flags of each of the platform's programs: what it tries beyond its grants is
 * refused by the runtime.
 *
 * Code that is made at run time — a `data:` module, a module in its data folder, `eval` — does run: the runtime has no flag
 * against it. It has the program's own grants and imports, so that it gains nothing; that is what is tried here. Nor is
 * anything tried that a declaration grants: the agent reads the services' folders and starts the deno binary, so that who
 * takes over the agent has the node.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Subject } from "./bench.ts";
import { Escape, refusals } from "./escape.ts";

const linked = "follow a link that was there before the start";

/** Programs that may connect to every port of this machine. The runtime has no grant for less. */
const wholeLoopback: Partial<Record<Subject, string>> = {
  mcns: "answers UDP clients, whose ports can't be known; a grant to send to an address is one to connect to it",
  mcproxy: "backends get their ports from the agent while it runs",
  mcpagent: "checks the health of programs on ports that it picks while it runs",
};

for (const program of ["mcias", "metacrypt", "mcns", "mcproxy", "mcr", "mcpagent", "hello"] as const) {
  Deno.test(`${program}, taken over, doesn't get out of its sandbox`, async (t) => {
    using escape = new Escape(program);
    const outcomes = await escape.attempt();
    ok(Object.keys(outcomes).length > 45, "too few attempts were made");
    for (const [name, { done, refused = "" }] of Object.entries(outcomes)) {
      if (name === linked) continue;
      await t.step(`can't ${name}`, () => {
        equal(done, undefined);
        if (name === "connect to an undeclared port" && wholeLoopback[program]) {
          return match(refused, /Connection refused/);
        }
        match(refused, refusals);
      });
    }
    await t.step("follows a link that was there before, which is why it doesn't start with one", () => {
      equal(outcomes[linked]?.done, '{"secret": true}');
    });
    await t.step("has started nothing", () => equal(existsSync(join(escape.own, "spawned")), false));
    await t.step("has changed nothing outside of its folder", () => {
      equal(Deno.readTextFileSync(escape.foreign), '{"secret": true}');
      deepEqual([...Deno.readDirSync(dirname(escape.foreign))].map(({ name }) => name).sort(), [
        "module.js",
        "secret.json",
      ]);
    });
  });
}
