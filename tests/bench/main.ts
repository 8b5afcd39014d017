/** `deno task bench [NAME…]`: measures and writes into docs/benchmarks.md; without names everything. */
import { invalid } from "@lib/errors/mod.ts";
import { benchDns } from "./dns/dns_bench.ts";
import { benchPlatform } from "./platform_bench.ts";

const benchmarks: Record<string, () => Promise<void>> = { dns: benchDns, platform: benchPlatform };

if (import.meta.main) {
  const names = Deno.args.length > 0 ? Deno.args : Object.keys(benchmarks);
  for (const name of names) {
    const bench = benchmarks[name];
    if (bench === undefined) {
      throw invalid("bench", `must be one of ${Object.keys(benchmarks).join(", ")}, got ${name}`);
    }
    await bench();
  }
}
