/**
 * Several processes on one set of routes: each has its own sockets and metrics port, the rest is shared by the database
 * and the kernel.
 */
import assert from "node:assert/strict";
import { acmeServer } from "@lib/acme/testing/acme_server.ts";
import { answering, type RawBackend, type RawConnection, tlsClient } from "../../services/mcproxy/testing/raw.ts";
import { McproxyProcess } from "./mcproxy_process.ts";

/** A change is seen by the others within this, ms: they look at the database's version every 250 ms. */
const seenMs = 250;
/** What a busy machine may add, ms. */
const slackMs = 500;

const to = ({ port }: RawBackend) => [`127.0.0.1:${port}`];
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const accepted = 'mcproxy_accepted_total{listener="https"}';
const open = 'mcproxy_connections{listener="https"}';

function connect(proxy: McproxyProcess, hostname = "web.test", ca = proxy.authority.root): Promise<RawConnection> {
  return tlsClient({ port: proxy.port, hostname, ca });
}

async function ask(client: RawConnection, hostname = "web.test"): Promise<string> {
  await client.send(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  const answer = await client.message();
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

/** What new connections are answered with. */
async function answers(proxy: McproxyProcess, count: number): Promise<string[]> {
  const all: string[] = [];
  for (let i = 0; i < count; i++) {
    using client = await connect(proxy);
    all.push(await ask(client));
  }
  return all;
}

Deno.test("MC-Proxy's processes serve the routes that are put through any of them, and one that is killed takes only its own connections", async () => {
  await using one = answering("one");
  await using two = answering("two");
  await using first = await McproxyProcess.start();
  await using second = await first.beside(2);
  await using third = await first.beside(3);
  const all = [first, second, third];

  await first.put({ hostname: "web.test", backends: to(one) });
  await wait(seenMs + slackMs);
  assert.deepEqual(new Set(await answers(first, 60)), new Set(["one"]));
  const shares = await Promise.all(all.map((process) => process.metric(accepted)));
  // The kernel spreads by a hash of the client's address and port: 60 connections leave no process out but once in 10^10.
  assert.ok(shares.every((share) => share > 0), shares.join(" "));
  assert.equal(shares.reduce((sum, share) => sum + share), 60);

  // Through another one, over connections that are open already, too.
  const held = await Promise.all(Array.from({ length: 60 }, () => connect(first)));
  assert.deepEqual(new Set(await Promise.all(held.map((client) => ask(client)))), new Set(["one"]));
  await third.put({ hostname: "web.test", backends: to(two) });
  await wait(seenMs + slackMs);
  assert.deepEqual(new Set(await Promise.all(held.map((client) => ask(client)))), new Set(["two"]));

  const its = await second.metric(open);
  assert.ok(its > 0);
  await second.kill();
  const left = await Promise.allSettled(held.map((client) => ask(client)));
  assert.equal(left.filter(({ status }) => status === "rejected").length, its, "its own connections and no others");
  assert.deepEqual(new Set(await answers(first, 30)), new Set(["two"]));
  for (const client of held) client.close();
});

Deno.test("MC-Proxy's processes get one certificate by ACME between them, and all serve it", async () => {
  const reach = { tlsPort: 0 };
  await using server = await acmeServer(reach);
  await using one = answering("one");
  await using first = await McproxyProcess.start({
    config: {
      acme: [
        `directory_url = "${server.directory}"`,
        `address = "${server.address}"`,
        'server_name = "localhost"',
        `ca_cert = "${server.ca}"`,
      ],
    },
  });
  reach.tlsPort = first.port;
  await using _second = await first.beside(2);
  await using third = await first.beside(3);
  await third.put({ hostname: "web.test", acme: true, backends: to(one) });
  const issued = async () => {
    try {
      using client = await connect(first, "web.test", server.caPem);
      return await ask(client) === "one";
    } catch {
      return false;
    }
  };
  // All of them in a row: a process without it refuses the name.
  for (let inARow = 0, since = performance.now(); inARow < 30;) {
    assert.ok(performance.now() - since < 30_000, `not served by all; ${server.checks.join(", ")}`);
    if (await issued()) inARow++;
    else {
      inARow = 0;
      await wait(100);
    }
  }
  assert.deepEqual(server.checks, ["web.test valid"], "one order, whichever process the check came to");
});
