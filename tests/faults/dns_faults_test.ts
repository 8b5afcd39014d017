/** What is acknowledged survives, and names are answered whatever else is gone. */
import { equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { DomainName } from "../../services/mcns/domain/name.ts";
import { McnsProcess } from "../peers/mcns_process.ts";
import { serviceZone, TestPlatform } from "../platform.ts";
import { DnsAsker } from "../stories/dns_asker.ts";
import { logIn, rest } from "../stories/rest_call.ts";

const writes = 1000;
/** After so many acknowledged writes the program is killed. */
const kills = [137, 420, 701];
const atOnce = 8;

Deno.test("kill -9 during 1,000 API writes: every acknowledged one is there", async () => {
  await using platform = await TestPlatform.start();
  const token = await logIn(platform);
  const acknowledged = new Set<number>();
  let next = 0, repeated = 0, killed = 0;
  const addressOf = (i: number) => `127.1.${i >> 8}.${i & 255}`;

  const write = async () => {
    while (next < writes) {
      const i = next++;
      const body = { name: `write-${i}`, type: "A", values: [addressOf(i)], ttl: 60 };
      for (;;) {
        const sent = await rest(platform, "mcns", { call: `PUT /v1/zones/${serviceZone}/records`, token, body })
          .then(({ status }) => status, () => 0);
        if (sent === 200) break;
        // It may be there or not: the program is being started again, and the write is idempotent.
        repeated++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      acknowledged.add(i);
      if (killed < kills.length && acknowledged.size >= kills[killed]!) {
        killed++;
        await killMcns(platform);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, write));
  equal(killed, kills.length);
  equal(acknowledged.size, writes);
  ok(repeated > 0, "no write was under way when the program was killed");

  await platform.mcp("status", "mcns");
  const asker = new DnsAsker(platform.file.dns);
  try {
    const lost: number[] = [];
    for (const i of acknowledged) {
      const name = `write-${i}.${serviceZone}`;
      let answer = await asker.ask(name);
      // The program may just be coming back from the last kill.
      for (let tries = 0; answer === null && tries < 20; tries++) answer = await asker.ask(name, 500);
      if (answer?.addresses.join() !== addressOf(i)) lost.push(i);
    }
    equal(lost.length, 0, `of ${acknowledged.size} acknowledged writes these are gone: ${lost}`);
    console.log(`    ${acknowledged.size} acknowledged and there, ${repeated} repeated, ${killed} times killed`);
  } finally {
    await asker[Symbol.dispose]();
  }
});

/** The agent starts it again. */
async function killMcns(platform: TestPlatform): Promise<void> {
  const program = (await platform.processes()).find(({ command }) => command.includes("/srv/mcns/mcns.toml"));
  ok(program !== undefined, "MCNS doesn't run");
  Deno.kill(program.pid, "SIGKILL");
}

Deno.test("without MCIAS, and with the disk gone, names are answered on", async () => {
  const zone = DomainName.parse("fault.example", "zone");
  await using mcns = await McnsProcess.start({
    // Nothing listens there: MCIAS has never been up.
    fill: async ({ files }) => {
      const lines = Array.from({ length: 500 }, (_, i) => `host${i} 60 A 127.2.${i >> 8}.${i & 255}`);
      const text = `@ 60 SOA ns1 hostmaster 1 3600 600 604800 60\n@ 60 NS ns1\nns1 60 A 127.0.0.1\n${
        lines.join("\n")
      }\n`;
      await files.import(zone, text, { dryRun: false, create: true }, { actor: "test", remote: "" });
    },
  });
  const asker = new DnsAsker(mcns.dns);
  const askAll = async (when: string) => {
    for (let i = 0; i < 500; i++) {
      const answer = await asker.ask(`host${i}.fault.example`);
      equal(answer?.addresses.join(), `127.2.${i >> 8}.${i & 255}`, when);
    }
    equal((await asker.ask("nothing.fault.example"))?.rcode, 3, when);
  };
  try {
    await askAll("without MCIAS");
    // The folder is emptied under the running program.
    for (const { name } of [...Deno.readDirSync(join(mcns.folder, "data"))]) {
      Deno.removeSync(join(mcns.folder, "data", name));
    }
    Deno.removeSync(join(mcns.folder, "data"));
    await askAll("with the disk gone");
    // Longer than the watch for other processes' changes takes to look at the file again.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await askAll("and a while later");
  } finally {
    await asker[Symbol.dispose]();
  }
});
