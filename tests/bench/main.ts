/**
 * `deno task bench [NAME…]`: measures and writes into docs/benchmarks.md; without names everything. Words that name no
 * benchmark are the parts of the one before them: `deno task bench proxy h1 l4`.
 */
import { invalid } from "@lib/errors/mod.ts";
import { benchDns } from "./dns/dns_bench.ts";
import { benchGrpc } from "./grpc/grpc_bench.ts";
import { benchPlatform } from "./platform_bench.ts";
import { benchProxy } from "./proxy/proxy_bench.ts";

/** With the parts of it that are wanted; none means all. */
const benchmarks: Record<string, (parts: readonly string[]) => Promise<void>> = {
  dns: whole("dns", benchDns),
  grpc: whole("grpc", benchGrpc),
  platform: whole("platform", benchPlatform),
  proxy: benchProxy,
};

/** A benchmark that has no parts. */
function whole(name: string, bench: () => Promise<void>): (parts: readonly string[]) => Promise<void> {
  return (parts) => {
    if (parts.length > 0) throw invalid("bench", `${name} has no parts, got ${parts.join(", ")}`);
    return bench();
  };
}

if (import.meta.main) {
  const runs: { name: string; parts: string[] }[] = [];
  for (const word of Deno.args.length > 0 ? Deno.args : Object.keys(benchmarks)) {
    if (word in benchmarks) runs.push({ name: word, parts: [] });
    else if (runs.length > 0) runs.at(-1)!.parts.push(word);
    else throw invalid("bench", `must be one of ${Object.keys(benchmarks).join(", ")}, got ${word}`);
  }
  for (const { name, parts } of runs) await benchmarks[name]!(parts);
}
