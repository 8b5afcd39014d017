import { equal, throws } from "node:assert/strict";
import { refuseUnlessManager, type Requester } from "./access.ts";
import { bootGroups } from "./boot_order.ts";
import { refuseForeignPath } from "./confinement.ts";
import { nameInZone, refuseForeignName } from "./hostnames.ts";
import { backOffMs, defaultBackOff, type RestartPolicy, restartsAfter } from "./restart.ts";
import { type ComponentState, type HealthState, serviceState } from "./states.ts";

/** The rule that refuses, or "" when nothing does. */
function ruleOf(work: () => void): string {
  try {
    work();
    return "";
  } catch (error) {
    return (error as { rule?: string }).rule ?? "?";
  }
}

const human = (...roles: string[]): Requester => ({ username: "anna", accountType: "human", roles });
const system = (username: string): Requester => ({ username, accountType: "system", roles: [] });
const local: Requester = { username: "local", accountType: "local", roles: ["admin"] };

/** Who may change an ordinary service "mcq", and one of the platform. */
const managers: [caller: Requester, ordinary: string, platform: string][] = [
  [human("admin"), "", ""],
  [human("user"), "", "platform-needs-admin"],
  [system("mcp-master"), "", ""],
  [system("mcp-agent"), "", ""],
  [system("mcq"), "", "platform-needs-admin"],
  [system("mcat"), "own-service", "platform-needs-admin"],
  // The role's name on a system account gives nothing.
  [{ ...system("mcat"), roles: ["admin"] }, "own-service", "platform-needs-admin"],
  [local, "", ""],
];
for (const [caller, ordinary, platform] of managers) {
  Deno.test(`refuseUnlessManager: ${caller.accountType} ${caller.username} ${caller.roles.join(" ")}`, () => {
    equal(ruleOf(() => refuseUnlessManager(caller, "mcq", false)), ordinary);
    equal(ruleOf(() => refuseUnlessManager(caller, "mcq", true)), platform);
  });
}

const names: [hostname: string, relative: string | null, rule: string][] = [
  ["mcq.svc.test", "mcq", ""],
  ["api.mcq.svc.test", "api.mcq", ""],
  ["mcias.svc.test", "mcias", "own-name"],
  ["evilmcq.svc.test", "evilmcq", "own-name"],
  ["svc.test", "@", "own-name"],
  ["docs.example.org", null, ""],
  ["mcq.svc.test.example.org", null, ""],
];
for (const [hostname, relative, rule] of names) {
  Deno.test(`refuseForeignName: mcq as ${hostname}`, () => {
    equal(nameInZone(hostname, "svc.test"), relative);
    equal(ruleOf(() => refuseForeignName("mcq", hostname, "svc.test")), rule);
  });
}

const paths: [path: string, rule: string][] = [
  ["/srv/mcq", ""],
  ["/srv/mcq/data/x.db", ""],
  ["/srv/mcq2", "own-data"],
  ["/srv/mcias/data", "own-data"],
  ["/srv/mcq/../mcias", "own-data"],
  ["/", "own-data"],
  ["srv/mcq", "own-data"],
];
for (const [path, rule] of paths) {
  Deno.test(`refuseForeignPath: mcq at ${path}`, () =>
    equal(ruleOf(() => refuseForeignPath("mcq", path, ["/srv/mcq"], "volume")), rule));
}

const stages = ["foundation", "core", "applications"];
/** name/stage/depends…, in the order of the registry; groups as they start. */
const orders: [services: string, groups: string][] = [
  ["", ""],
  ["mcq/applications mcns/core mcias/foundation metacrypt/core", "mcias | mcns metacrypt | mcq"],
  ["b/core/a a/core c/core/b", "a | b | c"],
  ["a/core/b b/core/a c/core", "c | a b"],
  ["a/core/zzz b/foundation/a", "b | a"],
  ["late/unknown app/applications", "app | late"],
  ["a/core/a", "a"],
];
for (const [services, groups] of orders) {
  Deno.test(`bootGroups: ${services || "nothing"}`, () => {
    const list = services.split(" ").filter((one) => one !== "").map((one) => {
      const [name = "", stage = "", ...dependsOn] = one.split("/");
      return { name, stage, dependsOn };
    });
    equal(bootGroups(list, stages).map((group) => group.map(({ name }) => name).join(" ")).join(" | "), groups);
  });
}

const policies: [policy: RestartPolicy, afterSuccess: boolean, afterFailure: boolean][] = [
  ["always", true, true],
  ["unless-stopped", true, true],
  ["on-failure", false, true],
  ["no", false, false],
];
for (const [policy, afterSuccess, afterFailure] of policies) {
  Deno.test(`restartsAfter: ${policy}`, () => {
    equal(restartsAfter(policy, true), afterSuccess);
    equal(restartsAfter(policy, false), afterFailure);
  });
}

Deno.test("backOffMs doubles from half a second to a minute", () => {
  const waits = [1, 2, 3, 7, 8, 9, 1000].map((failures) => backOffMs(defaultBackOff, failures));
  equal(waits.join(" "), "500 1000 2000 32000 60000 60000 60000");
});

const states: [desired: "running" | "stopped", components: string, state: string][] = [
  ["running", "", "failed"],
  ["stopped", "", "stopped"],
  ["running", "running/healthy", "running"],
  ["running", "running/healthy starting/unknown", "starting"],
  ["running", "running/unhealthy", "degraded"],
  ["running", "running/healthy backoff/unknown", "degraded"],
  ["running", "running/healthy failed/unknown", "degraded"],
  ["running", "failed/unknown", "failed"],
  ["stopped", "stopped/unknown", "stopped"],
  ["running", "stopped/unknown", "failed"],
];
for (const [desired, components, state] of states) {
  Deno.test(`serviceState: ${desired}, ${components || "no component"}`, () => {
    const observed = components.split(" ").filter((one) => one !== "").map((one) => {
      const [of, health] = one.split("/") as [ComponentState, HealthState];
      return { state: of, health };
    });
    equal(serviceState(desired, observed), state);
  });
}

Deno.test("refuseForeignPath says where data belongs", () => {
  throws(() => refuseForeignPath("mcq", "/etc", ["/srv/mcq"], "volume"), {
    message: "Service mcq can't use /etc (volume): it is not the service's own",
    hint: "Its data belongs into /srv/mcq",
  });
});
