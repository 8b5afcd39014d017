import assert from "node:assert/strict";
import { Registry } from "./mod.ts";

Deno.test("Registry.text renders counters, gauges and histograms in the Prometheus format", () => {
  const registry = new Registry();
  const queries = registry.counter("queries_total", "Queries", ["type"]);
  queries.inc({ type: "A" });
  queries.inc({ type: "A" }, 2);
  queries.inc({ type: 'odd"\n\\' });
  registry.counter("plain_total", "Plain");
  registry.gauge("zones", "Zones").set(3);
  registry.gaugeFrom("free", "Free", () => 7);
  const latency = registry.histogram("latency_seconds", "Latency", [0.1, 1], ["route"]);
  for (const value of [0.05, 0.5, 5]) latency.observe(value, { route: "a" });
  assert.equal(
    registry.text(),
    `# HELP queries_total Queries
# TYPE queries_total counter
queries_total{type="A"} 3
queries_total{type="odd\\"\\n\\\\"} 1
# HELP plain_total Plain
# TYPE plain_total counter
plain_total 0
# HELP zones Zones
# TYPE zones gauge
zones 3
# HELP free Free
# TYPE free gauge
free 7
# HELP latency_seconds Latency
# TYPE latency_seconds histogram
latency_seconds_bucket{route="a",le="0.1"} 1
latency_seconds_bucket{route="a",le="1"} 2
latency_seconds_bucket{route="a",le="+Inf"} 3
latency_seconds_sum{route="a"} 5.55
latency_seconds_count{route="a"} 3
`,
  );
});

Deno.test("Registry.text asks for what the program keeps itself, and tells only what is there", () => {
  const registry = new Registry();
  const hits = new Map([["a", 1], ["b", 2]]);
  registry.countersFrom("hits_total", "Hits", ["rule"], () => [...hits].map(([rule, count]) => [{ rule }, count]));
  registry.gaugesFrom("age", "Age", [], () => [[{}, 3]]);
  const counts = { within: [1, 2], sum: 5.55, total: 3 };
  registry.histogramsFrom("latency_seconds", "Latency", [0.1, 1], ["route"], () => [[{ route: "a" }, counts]]);
  hits.delete("a");
  assert.equal(
    registry.text(),
    `# HELP hits_total Hits
# TYPE hits_total counter
hits_total{rule="b"} 2
# HELP age Age
# TYPE age gauge
age 3
# HELP latency_seconds Latency
# TYPE latency_seconds histogram
latency_seconds_bucket{route="a",le="0.1"} 1
latency_seconds_bucket{route="a",le="1"} 2
latency_seconds_bucket{route="a",le="+Inf"} 3
latency_seconds_sum{route="a"} 5.55
latency_seconds_count{route="a"} 3
`,
  );
});

Deno.test("Registry refuses a name twice", () => {
  const registry = new Registry();
  registry.counter("a", "A");
  assert.throws(() => registry.gauge("a", "A"), /registered already/);
});
