import assert from "node:assert/strict";
import { conflict, notFound } from "@lib/errors/mod.ts";
import { playSession } from "@lib/testing/mod.ts";
import { answers } from "./testing/sample_answers.ts";
import { scriptedMcns } from "./testing/scripted_mcns.ts";

Deno.test("mcnsctl import and diff send the file, and show what differs", async () => {
  await using mcns = await scriptedMcns(answers);
  const file = mcns.file("example.org.zone", "www 300 A 192.0.2.1\n");
  const sent = (more: string) => `ImportZone {"zone":"example.org","text":"www 300 A 192.0.2.1\\n"${more}}`;
  await playSession(
    `
$ mcnsctl import ${file} --zone example.org
-www 300 A 192.0.2.2
+www 300 A 192.0.2.1
Removed 1 and added 1 records, serial 2026010203
$ mcnsctl import ${file} --zone example.org --dry-run --create
-www 300 A 192.0.2.2
+www 300 A 192.0.2.1
Would remove 1 and add 1 records, serial 2026010203
$ mcnsctl diff example.org ${file}
-www 300 A 192.0.2.2
+www 300 A 192.0.2.1
[1]
$ mcnsctl diff example.org /nowhere.zone
mcnsctl: file: no file /nowhere.zone
[2]
`,
    mcns.programs,
  );
  assert.deepEqual(mcns.asked, [sent(""), sent(',"dryRun":true,"create":true'), sent(',"dryRun":true')]);
  mcns.answers = { importZone: { serial: 1 } };
  assert.deepEqual(await mcns.mcnsctl("diff", "example.org", file), { code: 0, stdout: "", stderr: "" });
});

Deno.test("mcnsctl import sends a file that gRPC has no room for by REST", async () => {
  await using mcns = await scriptedMcns(answers);
  const line = "www 300 A 192.0.2.1\n";
  const file = mcns.file("large.zone", line.repeat(100_000));
  const { code, stderr } = await mcns.mcnsctl("import", file, "--zone", "example.org");
  assert.deepEqual([code, mcns.asked], [2, []]);
  assert.match(stderr, /--rest: must be given for a file of 2000000 characters, more than gRPC takes/);
  const rest = ["--rest", mcns.restAddress];
  const sent = await mcns.mcnsctl("import", file, "--zone", "example.org", "--dry-run", ...rest);
  assert.deepEqual([sent.code, sent.stderr], [0, ""]);
  assert.match(sent.stdout, /^-www.*\n\+www.*\nWould remove 1 and add 1 records, serial 2026010203\n$/);
  assert.match(mcns.asked.join(), /^ImportZone \{"zone":"example\.org","text":"www.*","dryRun":true\}$/);
  mcns.answers = { importZone: conflict("Cannot import", { hint: "Look" }) };
  const refused = await mcns.mcnsctl("import", file, "--zone", "example.org", ...rest);
  assert.deepEqual([refused.code, refused.stderr], [1, "mcnsctl: Cannot import\n  Look\n"]);
});

/** Commands that write, with exactly what they ask for. */
const writes: [line: string[], asks: string][] = [
  [
    ["zone", "add", "example.org", "--primary-ns", "ns.x.org", "--minimum", "1m", "--view", "lan", "--view", "vpn"],
    'CreateZone {"name":"example.org","primaryNs":"ns.x.org","minimum":60,"kind":"primary","views":["lan","vpn"]}',
  ],
  [
    ["zone", "add", "example.net", "--secondary-of", "192.0.2.53:53"],
    'CreateZone {"name":"example.net","kind":"secondary","primaries":["192.0.2.53:53"]}',
  ],
  [["zone", "add", "c.org", "--catalog"], 'CreateZone {"name":"c.org","kind":"primary","isCatalog":true}'],
  [["zone", "set", "example.org", "--expire", "2w"], 'UpdateZone {"zone":"example.org","expire":1209600}'],
  [["zone", "set", "example.org", "--all-clients"], 'UpdateZone {"zone":"example.org","setViews":true}'],
  [
    ["zone", "sign", "example.org", "--algorithm", "ed25519", "--split-keys", "--zsk-lifetime", "30d"],
    'SignZone {"zone":"example.org","algorithm":"ed25519","splitKeys":true,"zskLifetimeSeconds":2592000}',
  ],
  [["zone", "roll", "example.org", "ksk"], 'RollKey {"zone":"example.org","role":"ksk"}'],
  [
    ["zone", "roll", "example.org", "zsk", "--emergency"],
    'RollKey {"zone":"example.org","role":"zsk","emergency":true}',
  ],
  [["zone", "ds", "example.org", "--confirm"], 'ConfirmDs {"zone":"example.org"}'],
  [["zone", "refresh", "example.net"], 'RefreshZone {"zone":"example.net"}'],
  [["tsig", "scopes", "k", "--none"], 'SetTsigScopes {"name":"k"}'],
];
for (const [line, asks] of writes) {
  Deno.test(`mcnsctl ${line.join(" ")} asks for exactly that`, async () => {
    await using mcns = await scriptedMcns(answers);
    const { code, stderr } = await mcns.mcnsctl(...line);
    assert.deepEqual([code, stderr, mcns.asked], [0, "", [asks]]);
  });
}

Deno.test("mcnsctl zone transfer keeps the side that isn't given, and takes one away with none", async () => {
  await using mcns = await scriptedMcns(answers);
  await mcns.mcnsctl("zone", "transfer", "example.net", "--to", "192.0.2.55:53,key=k,tls=ns3.example.net");
  await mcns.mcnsctl("zone", "transfer", "example.net", "--from", "none");
  const primaries = '"primaries":[{"address":"192.0.2.53:53","tsigKey":"backup"}]';
  assert.deepEqual(mcns.asked.filter((one) => one.startsWith("Set")), [
    `SetTransfer {"zone":"example.net",${primaries},"secondaries":[{"address":"192.0.2.55:53","tsigKey":"k","tlsName":"ns3.example.net"}]}`,
    'SetTransfer {"zone":"example.net","secondaries":[{"address":"192.0.2.54:53","tlsName":"ns2.example.net"}]}',
  ]);
  const { code, stderr } = await mcns.mcnsctl("zone", "transfer", "example.net", "--to", "192.0.2.55:53,kee=k");
  assert.equal(code, 2);
  assert.match(stderr, /an address is followed by key=NAME or tls=NAME, got "kee=k"/);
});

Deno.test("mcnsctl --json prints the API's own JSON", async () => {
  await using mcns = await scriptedMcns(answers);
  const { stdout } = await mcns.mcnsctl("zone", "show", "example.org", "--json");
  const shown = JSON.parse(stdout);
  assert.deepEqual([shown.name, shown.record_count, shown.created_at, shown.views], [
    "example.org",
    12,
    "2026-01-02T03:04:05Z",
    [],
  ]);
  const queries = await mcns.mcnsctl("queries", "--json");
  assert.equal(JSON.parse(queries.stdout).rcode, "NOERROR", "a line each");
});

Deno.test("mcnsctl ends with the error's exit code, and says what to do", async () => {
  await using mcns = await scriptedMcns({
    getZone: notFound("zone", "nowhere.org", { hint: "List the zones, or create it." }),
    createRecord: conflict('Cannot add A "www": a CNAME record exists at that name'),
  });
  await playSession(
    `
$ mcnsctl zone show nowhere.org
mcnsctl: No zone "nowhere.org"
  List the zones, or create it.
[1]
$ mcnsctl record add example.org www A 192.0.2.1
mcnsctl: Cannot add A "www": a CNAME record exists at that name
[1]
$ mcnsctl zone sow example.org
No command registered for \`sow\`, did you mean \`show\`?
[2]
$ mcnsctl record add example.org www A 192.0.2.1 --ttl soon
Failed to parse "soon" for ttl: must be seconds, or like 15m, 2h, 7d
[2]
`,
    mcns.programs,
  );
});

Deno.test("mcnsctl goes to the server that it is given, with the token that it is given", async () => {
  await using mcns = await scriptedMcns(answers);
  const bad = mcns.file("bad-token", "bad");
  await playSession(
    `
$ mcnsctl whoami --token-file ${bad}
mcnsctl: …
[1]
$ mcnsctl whoami --server-name mcns.example
account     ada
type        human, admin
may change  zones, keys and settings; all records
$ mcnsctl whoami --server-name other.example
mcnsctl: …
[1]
$ bare whoami --server 127.0.0.1:1
mcnsctl: --server: needs --token-file, as there is no platform to log in to
  Or name the platform's data folder with --data, to be logged in there.
[2]
$ bare whoami --data ${mcns.folder}
mcnsctl: No platform "${mcns.folder}"
  Name its data folder with --data DIR or $MCP_DATA, or start one: deno task up
[1]
`,
    mcns.programs,
  );
});

Deno.test("mcnsctl --help of every command has an example", async () => {
  await using mcns = await scriptedMcns();
  const commandsOf = async (...words: string[]) => {
    const { stdout } = await mcns.bare(...words, "--help");
    return [...stdout.slice(stdout.indexOf("\nCOMMANDS")).matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((found) =>
      found[1]!
    );
  };
  const groups = ["zone", "record", "tsig", "cache"];
  const commands = (await commandsOf()).filter((name) => !groups.includes(name)).map((name) => [name]);
  for (const group of groups) commands.push(...(await commandsOf(group)).map((name) => [group, name]));
  assert.ok(commands.length >= 36, commands.join(" "));
  for (const command of commands) {
    const { stdout } = await mcns.bare(...command, "--help");
    assert.match(stdout, new RegExp(`^USAGE\\n {2}mcnsctl ${command.join(" ")}.*\\n {4}\\S`), command.join(" "));
  }
});

Deno.test("mcnsctl completions: a script per shell, which asks for proposals", async () => {
  await using mcns = await scriptedMcns();
  await playSession(
    `
$ bare __complete zone un
unsign
$ bare __complete re
record
$ bare completions fish
complete -c mcnsctl -f -a '(mcnsctl __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
    mcns.programs,
  );
});
