/** What MC-Proxy's documents say of its code, so that they can't rot: files, names, keys, tables, operations, limits, words. */
import assert from "node:assert/strict";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { loadConfig, printConfig } from "@lib/config/mod.ts";
import { PutRouteRequestSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { schema } from "../../services/mcproxy/config.ts";
import { parseRoute } from "../../services/mcproxy/domain/route.ts";
import { sandbox } from "../../services/mcproxy/sandbox.ts";
import { migrations } from "../../services/mcproxy/store/migrations.ts";
import { refusals } from "../../services/mcproxy/traffic/counters.ts";
import { accessLine } from "../../services/mcproxy/traffic/access_line.ts";
import { accessEntry } from "../../services/mcproxy/testing/access_entry.ts";
import {
  anchorBreaches,
  codeIn,
  firstCodes,
  grantsOf,
  grantsSaid,
  metricsIn,
  namesBreaches,
  operationsIn,
  operationsSaid,
  rowsUnder,
  settingsOf,
  walkBreaches,
} from "./documents.ts";
import { projectFiles, readText, root } from "./source_tree.ts";
import { assertKept, type Breach } from "./verdict.ts";

const readme = "services/mcproxy/README.md";
const architecture = "services/mcproxy/ARCHITECTURE.md";
const runbook = "services/mcproxy/RUNBOOK.md";
const guide = "docs/mcproxy.md";
const documents = [
  guide,
  readme,
  architecture,
  runbook,
  "services/mcproxy/firewall/README.md",
  "docs/mcproxyctl.md",
  "cli/mcproxyctl/README.md",
  "lib/http2/README.md",
];

Deno.test("README of MC-Proxy: each file of the walks is there, and has what is named in it", () => {
  const walks = walkBreaches(readme, "## The code");
  assertKept({ ...walks, atLeast: 70, todo: "say what the code has, in the order of the code" });
});

Deno.test("README of MC-Proxy: the folders are those that there are", () => {
  const inside = projectFiles().flatMap((path) => /^services\/mcproxy\/(\w+)\//.exec(path)?.[1] ?? []);
  const rows = rowsUnder(readme, "## The code").filter(({ cells }) => cells.length === 2 && cells[0] !== "folder");
  const said = rows.flatMap(({ cells }) => codeIn(cells[0]!)).map((folder) => folder.replace("/", ""));
  assert.deepEqual(said.toSorted(), [...new Set(inside)].toSorted());
});

Deno.test("README of MC-Proxy: the settings are those of config.ts, with their defaults", () => {
  const wanted = settingsOf(schema);
  const rows = rowsUnder(readme, "## Settings").filter(({ cells }) => cells[0] !== "key");
  assert.deepEqual(rows.map(({ cells: [key, fallback] }) => `${key} ${fallback}`), wanted);
  assert.ok(wanted.length > 60);
});

Deno.test("README of MC-Proxy: every configuration in it is one", () => {
  const blocks = [...readText(readme).matchAll(/^```toml\n(.*?)^```$/gms)].map(([, toml]) => toml!);
  const file = Deno.makeTempFileSync({ suffix: ".toml" });
  try {
    for (const toml of blocks) {
      Deno.writeTextFileSync(file, toml);
      const loaded = loadConfig({ schema, service: "mcproxy", file, environment: () => undefined });
      assert.ok(loaded.config.listeners.length > 0, toml);
      printConfig(schema, loaded);
    }
  } finally {
    Deno.removeSync(file);
  }
  assert.ok(blocks.length > 5);
});

Deno.test("ARCHITECTURE of MC-Proxy: the tables are those of the migrations", () => {
  const made = migrations.flatMap(({ sql }) => [...sql.matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name!));
  // 002 makes it beside the old one and gives it that one's name.
  const wanted = made.filter((name) => name !== "routes_by_path");
  assert.deepEqual(firstCodes(rowsUnder(architecture, "## Tables")).toSorted(), wanted.toSorted());
});

Deno.test("ARCHITECTURE of MC-Proxy: the operations are those of the contract, each with who may", () => {
  const wanted = operationsIn(["proto/mcproxy/v1/mcproxy.proto"]);
  assert.deepEqual(operationsSaid(architecture, "## Operations").toSorted(), wanted.toSorted());
  assert.ok(wanted.length > 10);
});

Deno.test("ARCHITECTURE of MC-Proxy: the reasons of refusals are those that are counted", () => {
  const rows = rowsUnder(architecture, "## Connections").filter(({ cells }) => cells.length === 3);
  const said = new Set(rows.flatMap(({ cells }) => codeIn(cells[2]!)));
  assert.deepEqual([...said].toSorted(), [...refusals].toSorted());
});

Deno.test("ARCHITECTURE of MC-Proxy: limits that are settings have their defaults", () => {
  const defaults = new Map(settingsOf(schema).map((text) => text.split(" ", 2) as [string, string]));
  const breaches: Breach[] = [];
  let looked = 0;
  for (const { line, cells } of rowsUnder(architecture, "## Limits")) {
    for (const [found, key = "", value = ""] of cells[1]!.matchAll(/(`[\w.]+`) \((\d+)\)/g)) {
      looked++;
      if (defaults.get(key) !== `\`${value}\``) breaches.push({ file: architecture, line, found });
    }
  }
  const limits = new Set(rowsUnder(architecture, "## Limits").flatMap(({ cells }) => codeIn(cells[1]!)));
  for (const key of Object.keys(schema.limits)) {
    if (!limits.has(`limits.${key}`)) breaches.push({ file: architecture, line: 0, found: `no word on limits.${key}` });
  }
  assertKept({ looked, atLeast: 15, breaches, todo: "say the default that config.ts has" });
});

Deno.test("ARCHITECTURE of MC-Proxy: the metrics are those that the code registers", () => {
  const wanted = metricsIn("services/mcproxy/", "mcproxy");
  const rows = rowsUnder(architecture, "## Observing").filter(({ cells }) => cells[0]!.startsWith("`mcproxy_"));
  assert.deepEqual(rows.flatMap(({ cells }) => codeIn(cells[0]!)).toSorted(), wanted.toSorted());
  assert.ok(wanted.length > 20);
});

Deno.test("ARCHITECTURE of MC-Proxy: the grants are those of sandbox.ts", () => {
  assert.deepEqual(grantsSaid(architecture, "## Sandbox").toSorted(), grantsOf(sandbox).toSorted());
});

Deno.test("RUNBOOK of MC-Proxy: metrics and settings in it are there", () => {
  const metrics = new Set(metricsIn("services/mcproxy/", "mcproxy"));
  const keys = new Set(settingsOf(schema).map((text) => codeIn(text)[0]));
  const sections = Object.keys(schema).join("|");
  const breaches: Breach[] = [];
  let looked = 0;
  for (const [i, text] of readText(runbook).split("\n").entries()) {
    for (const code of codeIn(text)) {
      for (const [found] of code.matchAll(/^mcproxy_\w+/g)) {
        looked++;
        if (!metrics.has(found)) breaches.push({ file: runbook, line: i + 1, found });
      }
      for (const [found] of code.matchAll(new RegExp(`^(?:${sections})\\.[a-z_]+$`, "g"))) {
        looked++;
        if (!keys.has(found)) breaches.push({ file: runbook, line: i + 1, found });
      }
    }
  }
  assertKept({ looked, atLeast: 30, breaches, todo: "name metrics and settings that there are" });
});

Deno.test("ARCHITECTURE of MC-Proxy: the access log's fields are those of a line with all of them", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const certificate = { subject: "CN=alice", fingerprint: "00" };
  const entry = accessEntry({
    target: "/x?y",
    rule: "few",
    user: "ada",
    certificate,
    traceparent,
    requestId: "1",
    isCut: true,
  });
  const line = accessLine(entry, { format: "json", queries: true });
  const rows = rowsUnder(architecture, "## Observing").filter(({ cells }) => /^`(?!mcproxy_)/.test(cells[0]!));
  assert.deepEqual(
    rows.flatMap(({ cells }) => codeIn(cells[0]!)).toSorted(),
    Object.keys(JSON.parse(line)).toSorted(),
  );
});

Deno.test("docs/mcproxy.md: every field of a route has an example, which is taken as it stands", () => {
  const rows = rowsUnder(guide, "## Routes").filter(({ cells }) => cells.length === 3 && cells[0]!.startsWith("`"));
  const fields = rows.map(({ cells }) => codeIn(cells[0]!)[0]!);
  assert.deepEqual(fields.toSorted(), PutRouteRequestSchema.fields.map(({ name }) => name).toSorted());
  const rules = { listeners: ["https"], allowedHosts: ["127.0.0.1"], certificateDir: "/certs", hasMcias: true };
  const plain: JsonObject = { listener: "https", hostname: "example.org", mode: "l7", backends: ["127.0.0.1:80"] };
  const files: JsonObject = { tls_cert: "a.pem", tls_key: "a.key" };
  for (const [i, { cells }] of rows.entries()) {
    const field = fields[i]!;
    const beside = field === "path" || field === "acme" ? {} : files;
    const needs = field.startsWith("backend_") && field !== "backend_protocol"
      ? { backend_protocol: "tls" }
      : field.startsWith("client_")
      ? { client_cert: "asked", client_ca: "b.pem" }
      : {};
    const json = { ...plain, ...beside, ...needs, [field]: JSON.parse(codeIn(cells[1]!)[0]!) };
    parseRoute(fromJson(PutRouteRequestSchema, json), rules);
  }
});

Deno.test("documents of MC-Proxy: the proxy's own answers are told, each with its words", () => {
  const code = projectFiles().filter((path) => /^services\/mcproxy\/relay\/.*(?<!_test)\.ts$/.test(path)).map(readText)
    .join("\n");
  const rows = rowsUnder(runbook, "## 502, 503, 504");
  const said = rows.flatMap(({ cells }) => /^50\d `/.test(cells[0]!) ? codeIn(cells[0]!) : []);
  for (const text of said) assert.ok(code.includes(`"${text}"`), text);
  assert.equal(said.length, 5);
});

Deno.test("documents of MC-Proxy: links lead to files, and commands of mcproxyctl are there", () => {
  const { groups, ...names } = namesBreaches(documents, { program: "mcproxyctl", app: "cli/mcproxyctl/app.ts" });
  assert.equal(groups, 4, "groups of commands in cli/mcproxyctl/app.ts");
  assertKept({ ...names, atLeast: 80, todo: `name what there is; paths are from the document, root is ${root}` });
});

Deno.test("documents of MC-Proxy: links into documents lead to headings", () => {
  assertKept({ ...anchorBreaches(documents), atLeast: 15, todo: "name a heading that is there" });
});
