import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { boot } from "../boot.ts";
import { everything, greets, holdings, image, nothing, record, request, route } from "../testing/hello.ts";
import { TestNode, user } from "../testing/test_node.ts";
import { deploy } from "./deploy.ts";
import { restartService, startService, stopService, undeploy } from "./lifecycle.ts";

Deno.test("stop, start, restart and undeploy", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  await deploy(test.node, request("v1"), test.steps);

  await restartService(test.node, "hello", user, test.steps);
  equal(await test.ask(route), "one");
  deepEqual(holdings(test), everything);

  await stopService(test.node, "hello", user, test.steps);
  deepEqual(holdings(test), { ...everything, claims: ["certificate", "port"], routes: [], records: [], processes: 0 });
  await rejects(restartService(test.node, "hello", user, test.steps), /is stopped/);
  await using next = await test.afterCrash();
  await boot(next.node);
  equal(next.node.fleet.of("hello").size, 0, "a stopped service stays stopped over a boot");

  await startService(next.node, "hello", user, next.steps);
  equal(await next.ask(route), "one");
  deepEqual(holdings(next), everything);

  equal(await undeploy(next.node, "hello", user, next.steps), "hello is gone");
  deepEqual(holdings(next), nothing);
  equal(next.node.registry.services.get("hello"), null);
  equal(next.world.revoked.length, 1);
});

Deno.test("undeploy while MCNS is down removes the rest, and the record when MCNS is back", async () => {
  await using test = await TestNode.start();
  test.bundle(image("v1"), greets("one"));
  await deploy(test.node, request("v1"), test.steps);
  test.world.down.add("names");
  match(await undeploy(test.node, "hello", user, test.steps), /still to do: the A record hello in svc\.test/);
  deepEqual(holdings(test), { ...nothing, claims: ["record"], records: [record] });
  match(test.node.problems.list().join(), /hello: the A record/);
  test.world.down.clear();
  await undeploy(test.node, "hello", user, test.steps);
  deepEqual(holdings(test), nothing);
  deepEqual(test.node.problems.list(), []);
});
