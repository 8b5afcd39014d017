/** A hot restart under load: no query is lost, over UDP, TCP and TLS. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "@lib/testing/mod.ts";
import { DomainName } from "../../services/mcns/domain/name.ts";
import { McnsProcess } from "./mcns_process.ts";
import { withTools } from "./tools.ts";

const seconds = 8;
const perSecond = 3000;

Deno.test({
  ...withTools("a hot restart under dnsperf loses no query", "dnsperf"),
  async fn(t) {
    const zone = DomainName.parse("restart.example", "zone");
    const names = Array.from({ length: 500 }, (_, i) => `host${i}`);
    await using mcns = await McnsProcess.start({
      // Longer than dnsperf asks: it never falls silent, and doesn't ask again what it had sent when a connection ends.
      config: { dns: ["rrl_per_second = 0"], server: ["shutdown_timeout_ms = 30000"] },
      fill: async ({ files }) => {
        const lines = names.map((name, i) => `${name} 60 A 127.3.${i >> 8}.${i & 255}`);
        const text = `@ 60 SOA ns1 hostmaster 1 3600 600 604800 60\n${lines.join("\n")}\n`;
        await files.import(zone, text, { dryRun: false, create: true }, { actor: "test", remote: "" });
      },
    });
    const questions = join(mcns.folder, "questions");
    Deno.writeTextFileSync(questions, names.map((name) => `${name}.restart.example A\n`).join(""));

    for (const [transport, port] of [["udp", mcns.port], ["tcp", mcns.port], ["dot", mcns.tlsPort]] as const) {
      await t.step(transport, async () => {
        const perf = run("dnsperf", [
          ...["-s", "127.0.0.1", "-p", String(port), "-m", transport, "-d", questions],
          // One client each with many queries under way; a reply may take 5 s, so that what is lost was lost.
          ...["-l", String(seconds), "-Q", String(perSecond), "-c", "8", "-T", "1", "-t", "5"],
        ]);
        const before = mcns.pid;
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000 / 4));
        const replaced = mcns.replace();
        const { code, stdout, stderr } = await perf;
        await replaced;
        assert.notEqual(mcns.pid, before);
        assert.equal(code, 0, stderr);
        const figure = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(stdout)?.[1] ?? NaN);
        console.log(
          `    sent ${figure("Queries sent")}, completed ${figure("Queries completed")}, lost ${
            figure("Queries lost")
          }`,
        );
        assert.ok(figure("Queries sent") > seconds * perSecond / 2, stdout);
        assert.equal(figure("Queries lost"), 0, stdout + stderr);
      });
    }
  },
});
