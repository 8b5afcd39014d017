import { deepEqual, equal, throws } from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { Claim, Release } from "../domain/release.ts";
import { openRegistry, type Registry } from "./registry.ts";

const clock = new FakeClock();

function withRegistry(work: (registry: Registry, path: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    const path = join(folder, "registry.db");
    using registry = openRegistry({ path, clock, log: silentLogger });
    work(registry, path);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const release: Release = {
  definition: 'name = "hello"',
  fileName: "hello.toml",
  stage: "applications",
  components: [],
  routes: [],
  records: [],
  certificateNames: [],
};
const row = {
  name: "hello",
  desired: "running" as const,
  release,
  platform: false,
  platformSha256: "",
  deployedBy: "anna",
};

Deno.test("ServiceStore.commit keeps release and deploy together, and both survive a reopening", () =>
  withRegistry((registry, path) => {
    const deploy = registry.deploys.begin("hello", "…", "anna");
    deepEqual(registry.deploys.unfinished(), [{ id: deploy, service: "hello", actor: "anna" }]);
    registry.services.commit(row, deploy);
    using again = openRegistry({ path, clock, log: silentLogger });
    deepEqual(again.services.get("hello"), { ...row, deployedAt: clock.now() });
    deepEqual(again.deploys.unfinished(), []);
    equal(again.services.get("other"), null);
  }));

Deno.test("ServiceStore.commit leaves a service of the platform one, and its file's hash", () =>
  withRegistry(({ services }) => {
    services.commit({ ...row, platform: true, platformSha256: "abc" }, null);
    services.commit(row, null);
    const { platform, platformSha256 } = services.get("hello")!;
    deepEqual([platform, platformSha256], [true, "abc"]);
  }));

const port: Claim = { kind: "port", port: 12_345, component: "web", route: "main" };

Deno.test("ClaimStore.take is idempotent for the holder and a conflict for another", () =>
  withRegistry(({ claims }) => {
    claims.take("hello", port);
    claims.take("hello", { ...port, route: "other" });
    deepEqual(claims.of("hello"), [{ ...port, route: "other" }]);
    deepEqual(claims.ports(), new Set([12_345]));
    throws(() => claims.take("evil", port), {
      code: "conflict",
      message: 'Cannot give "evil" the port 12345: service "hello" has it',
      hint: "Undeploy hello, or choose another in the definition",
    });
    claims.drop("evil", port);
    equal(claims.of("hello").length, 1);
    claims.drop("hello", port);
    deepEqual(claims.services(), []);
  }));

Deno.test("ClaimStore.take gives a route's name to one service", () =>
  withRegistry(({ claims }) => {
    claims.take("hello", { kind: "route", listener: "https", hostname: "docs.example.org" });
    claims.take("other", { kind: "route", listener: "mail", hostname: "docs.example.org" });
    throws(
      () => claims.take("other", { kind: "route", listener: "https", hostname: "docs.example.org" }),
      /the route docs\.example\.org on listener https: service "hello" has it/,
    );
  }));

Deno.test("EventStore.list gives the newest first, by service and by page", () =>
  withRegistry(({ events }) => {
    for (const service of ["a", "b", "a", "a"]) {
      events.add({ service, component: "", kind: "deployed", detail: "", actor: "anna" });
    }
    deepEqual(events.list("", null, 10).map(({ id }) => id), [4, 3, 2, 1]);
    deepEqual(events.list("a", null, 2).map(({ id }) => id), [4, 3]);
    deepEqual(events.list("a", 3, 2).map(({ id }) => id), [1]);
  }));
