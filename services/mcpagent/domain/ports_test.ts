import { deepEqual, equal, throws } from "node:assert/strict";
import { pickPort, portVariables } from "./ports.ts";

const range = { first: 10_000, last: 10_003 };

Deno.test("pickPort starts at random and goes round past taken and busy ports", () => {
  const none = new Set<number>();
  equal(pickPort(range, none, () => true, 0), 10_000);
  equal(pickPort(range, none, () => true, 0.99), 10_003);
  equal(pickPort(range, new Set([10_003]), () => true, 0.99), 10_000);
  equal(pickPort(range, new Set([10_003]), (port) => port !== 10_000, 0.99), 10_001);
});

Deno.test("pickPort says so when the range is used up", () => {
  throws(() => pickPort(range, new Set(), () => false, 0.5), {
    code: "conflict",
    message: "Cannot pick a port: all of 10000 to 10003 are in use",
  });
});

const variables: [ports: Record<string, number>, env: Record<string, string>][] = [
  [{}, {}],
  [{ main: 1 }, { PORT: "1", PORT_MAIN: "1" }],
  [{ rest: 1, "admin-api": 2 }, { PORT_REST: "1", PORT_ADMIN_API: "2" }],
];
for (const [ports, env] of variables) {
  Deno.test(`portVariables of ${JSON.stringify(ports)}`, () => deepEqual(portVariables(ports), env));
}
