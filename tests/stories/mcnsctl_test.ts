/** An operator's day with mcnsctl, as a terminal shows it, on a platform with MCIAS and MCNS in their sandboxes. */
import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { playSession } from "@lib/testing/mod.ts";
import { run, serviceZone, TestPlatform } from "../platform.ts";
import { DnsAsker } from "./dns_asker.ts";
import { logIn, rest } from "./rest_call.ts";

const zoneFile = `$TTL 300
@    3600 SOA ns1 hostmaster 1 3600 600 604800 60
@    NS  ns1
ns1  A   127.0.0.1
www  A   192.0.2.7
www  TXT "two words"
`;

Deno.test("mcnsctl manages zones, records and history on a platform", async (t) => {
  await using platform = await TestPlatform.start();
  const programs = { mcnsctl: (...words: string[]) => platform.mcnsctl(...words) };
  const file = (name: string, text: string) => {
    const path = join(platform.data, "..", name);
    Deno.writeTextFileSync(path, text);
    return path;
  };
  const addressOf = async (name: string) => {
    using dns = new DnsAsker(platform.file.dns);
    const answer = await dns.ask(name);
    await dns.close();
    return answer === null ? "no answer" : answer.rcode === 3 ? "no such name" : answer.addresses.join(" ");
  };

  await t.step("without a login the operator of the data folder is the admin", () =>
    playSession(
      `
$ mcnsctl whoami
account     admin
type        human, admin
may change  zones, keys and settings; all records
$ mcnsctl zone list
ZONE                      KIND         SERIAL  RECORDS  SIGNED  VIEWS  CATALOG
mcp.metacircular.net      primary  …        1  no      all
svc.mcp.metacircular.net  primary  …        6  no      all
`,
      programs,
    ));

  await t.step("records are answered when the command returns, with their PTR records", async () => {
    equal((await platform.mcnsctl("zone", "add", "2.0.192.in-addr.arpa")).code, 0);
    await playSession(
      `
$ mcnsctl zone add example.org --minimum 1m
zone        example.org
kind        primary
serial      …
records     0
signed      no
views       all clients
primary ns  ns1.example.org
admin       hostmaster@example.org
times       refresh 1h, retry 10m, expire 7d
negative    1m that a name doesn't exist
created     …
changed     …
$ mcnsctl record set example.org www A 192.0.2.1 192.0.2.2 --ttl 1m
NAME  TTL  TYPE  VALUE
www    60  A     192.0.2.1
www    60  A     192.0.2.2
$ mcnsctl record add example.org mail A 192.0.2.9 --ptr
NAME  TTL  TYPE  VALUE
mail  300  A     192.0.2.9
$ mcnsctl record add example.org @ MX '10 mail.example.org'
NAME  TTL  TYPE  VALUE
@     300  MX    10 mail.example.org
$ mcnsctl record list 2.0.192.in-addr.arpa
NAME  TTL  TYPE  VALUE
9     300  PTR   mail.example.org
`,
      programs,
    );
    equal(await addressOf("www.example.org"), "192.0.2.1 192.0.2.2");
  });

  await t.step("what can't be is refused with a reason, and changes nothing", () =>
    playSession(
      `
$ mcnsctl record add example.org www CNAME web.example.org
mcnsctl: Cannot add CNAME "www": an A record exists at that name
  A CNAME stands alone at its name; delete the one to add the other.
[1]
$ mcnsctl record add example.org x A 192.0.2.999
mcnsctl: value: …
[2]
$ mcnsctl zone show nowhere.org
mcnsctl: No zone "nowhere.org"
  …
[1]
$ mcnsctl zone delete example.org
mcnsctl: --yes: must be given to delete zone example.org with its 4 records
  mcnsctl export example.org keeps them in a file.
[2]
`,
      programs,
    ));

  await t.step("explain tells the reply and the way to it", () =>
    playSession(
      `
$ mcnsctl explain www.example.org --client 127.0.0.1
1. client 127.0.0.1 is in no view
2. zone example.org (serial …) is the deepest one here with www.example.org
3. www.example.org has 2 A records with a TTL of 60 s
4. reply: NOERROR, authoritative

answer
  www.example.org. 60 IN A 192.0.2.1
  www.example.org. 60 IN A 192.0.2.2
`,
      programs,
    ));

  await t.step("a zone file goes in as one change, which is taken back again", async () => {
    const path = file("example.org.zone", zoneFile);
    await playSession(
      `
$ mcnsctl diff example.org ${path}
-…
-…
-…
-…
+…
+…
+…
+…
[1]
$ mcnsctl import ${path} --zone example.org
-…
-…
-…
-…
+…
+…
+…
+…
Removed 4 and added 4 records, serial …
$ mcnsctl diff example.org ${path}
`,
      programs,
    );
    equal(await addressOf("www.example.org"), "192.0.2.7");
    const exported = await platform.mcnsctl("export", "example.org");
    match(exported.stdout, /^\$ORIGIN example\.org\.\n/m);
    const copy = file("copy.zone", exported.stdout);
    const log = JSON.parse((await platform.mcnsctl("log", "example.org", "-n", "1", "--json")).stdout);
    const [{ id, action }] = log.changes as [{ id: string; action: string }];
    equal(action, "zone.import");
    await playSession(
      `
$ mcnsctl diff example.org ${copy}
$ mcnsctl undo example.org ${id}
…  …  undo by admin from 127.0.0.1, serial …, takes back ${id}
    -…
    -…
    -…
    -…
    +…
    +…
    +…
    +…
$ mcnsctl undo example.org ${id}
mcnsctl: Cannot undo change ${id} of example.org: … has changed since or is gone
  Look at the changes since then, and change the records by hand.
[1]
`,
      programs,
    );
    equal(await addressOf("www.example.org"), "192.0.2.1 192.0.2.2");
  });

  await t.step("a system account with its token changes its own name only", async () => {
    const token = await logIn(platform);
    await rest(platform, "mcias", {
      call: "POST /v1/accounts",
      token,
      body: { username: "mcq", account_type: "system" },
    });
    const issued = await rest(platform, "mcias", { call: "POST /v1/accounts/mcq/tokens", token, body: {} });
    const tokenFile = file("mcq.token", String(issued.body.token));
    const ca = platform.file.ca, server = platform.file.mcns_grpc;
    const remote = `--server ${server} --ca ${ca} --token-file ${tokenFile}`;
    await playSession(
      `
$ mcnsctl record set ${serviceZone} mcq A 127.0.0.7 ${remote}
NAME  TTL  TYPE  VALUE
mcq   300  A     127.0.0.7
$ mcnsctl record set ${serviceZone} mcr A 127.0.0.7 ${remote}
mcnsctl: Cannot change A "mcr" in ${serviceZone}: system account "mcq" may only change "mcq" and TXT "_acme-challenge.mcq" in ${serviceZone}
[1]
$ mcnsctl cache flush ${remote}
mcnsctl: …
[1]
`,
      { mcnsctl: (...words) => run(Deno.execPath(), ["task", "--quiet", "mcnsctl", ...words]) },
    );
    equal(await addressOf(`mcq.${serviceZone}`), "127.0.0.7");
  });

  await t.step("keys, statistics and the audit", () =>
    playSession(
      `
$ mcnsctl tsig add acme.example.org --scope example.org:_acme-challenge.**:TXT
key "acme.example.org" {
  algorithm hmac-sha256;
  secret "…";
};
$ mcnsctl tsig list
KEY               ALGORITHM    MAY UPDATE                          CREATED               USED
acme.example.org  hmac-sha256  example.org:_acme-challenge.**:TXT  …  never
$ mcnsctl audit --action undo
AT                    BY     FROM       ACTION  TARGET       OUTCOME  DETAIL
…  admin  127.0.0.1  undo    example.org  ok       serial …
$ mcnsctl zone delete example.org --yes
Deleted zone example.org with 4 records
`,
      programs,
    ));

  await t.step("the verb status has what an operator wants to know at night", async () => {
    const { status, text } = await rest(platform, "mcns", { call: "GET /v1/status" });
    equal(status, 200);
    match(text, /^listening +UDP and TCP 127\.0\.0\.1:\d+\n/);
    match(text, /\ndatabase +\S+mcns\.db, \d+\.\d MiB, full: a change is on the disk before it is acknowledged\n/);
    match(text, /\nzone +svc\.mcp\.metacircular\.net primary, serial \d{10}, 7 records\n/);
  });

  await t.step("queries are shown as they are answered", async () => {
    const watching = platform.mcnsctl("queries", "--name", serviceZone, "--for", "5s", "--json");
    await askUntil(watching);
    const { stdout } = await watching;
    const [first = ""] = stdout.split("\n");
    const query = JSON.parse(first) as { name: string; type: string; rcode: string };
    equal(`${query.name} ${query.type} ${query.rcode}`, `mcias.${serviceZone} A NOERROR`);
  });

  /** Asks until the watcher is done: when it begins to watch can't be seen from here. */
  async function askUntil(watching: Promise<unknown>): Promise<void> {
    let done = false;
    void watching.finally(() => done = true);
    while (!done) {
      await addressOf(`mcias.${serviceZone}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
});
