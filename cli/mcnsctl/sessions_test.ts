/** What commands print, and what they ask MCNS for. */
import assert from "node:assert/strict";
import { playSession } from "@lib/testing/mod.ts";
import { answers } from "./testing/sample_answers.ts";
import { scriptedMcns } from "./testing/scripted_mcns.ts";

/** The state of a signed zone. */
const keys = `zone        example.org
signed      yes, ed25519, nsec, serial 2026010203
next        signatures are made anew 2026-01-02T03:04:05Z
signatures  valid until 2026-01-02T03:04:05Z or longer

 KEY  ROLE  ALGORITHM  STATE  …  CREATED
4711  csk   ed25519    active  …  2026-01-02T03:04:05Z

Give the parent these DS records, then run: mcnsctl zone ds example.org --confirm
example.org. 3600 IN DS 4711 15 2 ab
`;

/** Sessions, each with what it asks of MCNS. */
const sessions: Record<string, [session: string, asks: string[]]> = {
  "zone list": [
    `
$ mcnsctl zone list
ZONE         KIND           SERIAL  RECORDS  SIGNED  VIEWS  CATALOG
example.org  primary    2026010203       12  yes     all
example.net  secondary  2026010203       12  no      lan
`,
    ['ListZones {"pageSize":1000}'],
  ],
  "zone show": [
    `
$ mcnsctl zone show example.org
zone        example.org
kind        primary
serial      2026010203
records     12
signed      yes
views       all clients
primary ns  ns1.example.org
admin       hostmaster@example.org
times       refresh 1h, retry 10m, expire 7d
negative    5m that a name doesn't exist
created     2026-01-02T03:04:05Z
changed     2026-01-02T03:04:05Z
`,
    ['GetZone {"zone":"example.org"}'],
  ],
  "zone delete": [
    `
$ mcnsctl zone delete example.org
mcnsctl: --yes: must be given to delete zone example.org with its 12 records
  mcnsctl export example.org keeps them in a file.
[2]
$ mcnsctl zone delete example.org --yes
Deleted zone example.org with 12 records
`,
    ['GetZone {"zone":"example.org"}', 'GetZone {"zone":"example.org"}', 'DeleteZone {"zone":"example.org"}'],
  ],
  "zone keys": [
    `\n$ mcnsctl zone keys example.org\n${keys}`,
    ['GetDnssec {"zone":"example.org"}'],
  ],
  "zone ds": [
    `
$ mcnsctl zone ds example.org
example.org. 3600 IN DS 4711 15 2 ab
$ mcnsctl zone ds example.org --trust-anchor
example.org. 3600 IN DNSKEY 257 3 15 xyz
`,
    ['GetDnssec {"zone":"example.org"}', 'GetDnssec {"zone":"example.org"}'],
  ],
  "zone unsign": [
    `\n$ mcnsctl zone unsign example.org\n${keys}`,
    ['UnsignZone {"zone":"example.org"}', 'GetDnssec {"zone":"example.org"}'],
  ],
  "zone transfer": [
    `
$ mcnsctl zone transfer example.net
zone         example.net
kind         secondary, serial 5
from         192.0.2.53:53,key=backup
checked      2026-01-02T03:04:05Z
transferred  2026-01-02T03:04:05Z
expires      2026-01-02T03:04:05Z
to           192.0.2.54:53,tls=ns2.example.net

NOTIFIED       SERIAL  ANSWER        AT
192.0.2.54:53       5  acknowledged  2026-01-02T03:04:05Z
`,
    ['GetTransfer {"zone":"example.net"}'],
  ],
  "zone catalog": [
    `
$ mcnsctl zone catalog example.org catalog.example
example.org is member abc of catalog.example
$ mcnsctl zone catalog example.org --out
example.org is in no catalog any more
$ mcnsctl zone catalog example.org
mcnsctl: catalog: name the catalog zone, or give --out
[2]
`,
    ['SetCatalog {"zone":"example.org","catalog":"catalog.example"}', 'SetCatalog {"zone":"example.org"}'],
  ],
  "record list": [
    `
$ mcnsctl record list example.org --name www -n 2
NAME  TTL  TYPE  VALUE      VIEW  OWNER
www   300  A     192.0.2.1
www   300  TXT   "·[31mhi"  lan   web
`,
    ['ListRecords {"zone":"example.org","name":"www","pageSize":2}'],
  ],
  "record add": [
    `
$ mcnsctl record add example.org www A 192.0.2.1 --ttl 1h --ptr --expires 10m
NAME  TTL  TYPE  VALUE
www   300  A     192.0.2.1
`,
    ['CreateRecord {"zone":"example.org","name":"www","type":"A","value":"192.0.2.1","ttl":3600,"expiresIn":600,"withPtr":true}'],
  ],
  "record set": [
    `
$ mcnsctl record set example.org www TXT 'hello world' x
NAME  TTL  TYPE  VALUE
www   300  A     192.0.2.1
`,
    ['SetRecords {"zone":"example.org","name":"www","type":"TXT","values":["hello world","x"]}'],
  ],
  "record delete": [
    `
$ mcnsctl record delete example.org www
mcnsctl: type: name the type, or give --all for records of all types
[2]
$ mcnsctl record delete example.org www A 192.0.2.1
Deleted 1 record, serial 2026010204
$ mcnsctl record delete example.org www --all
Deleted 1 record, serial 2026010204
$ mcnsctl record delete-owned web --lease node1
Deleted 2 records in example.org, example.net
`,
    [
      'DeleteRecords {"zone":"example.org","name":"www","type":"A","value":"192.0.2.1"}',
      'DeleteRecords {"zone":"example.org","name":"www"}',
      'DeleteOwnedRecords {"service":"web","lease":"node1"}',
    ],
  ],
  "export": [
    "$ mcnsctl export example.org --published\n$ORIGIN example.org.\n@ 3600 IN SOA …\n",
    ['ExportZoneInPieces {"zone":"example.org","published":true}'],
  ],
  "log, undo": [
    `
$ mcnsctl log example.org --name www
7  2026-01-02T03:04:05Z  record.set by ada from 192.0.2.9, serial 2026010203
    -www 300 A 192.0.2.2
    +www 300 A 192.0.2.1
$ mcnsctl undo example.org 7
8  2026-01-02T03:04:05Z  undo by ada from 192.0.2.9, serial 2026010203, takes back 7
    -www 300 A 192.0.2.2
    +www 300 A 192.0.2.1
$ mcnsctl undo example.org last
mcnsctl: id: must be a change's number, got "last"
[2]
`,
    ['ListChanges {"zone":"example.org","name":"www","pageSize":20}', 'UndoChange {"zone":"example.org","id":"7"}'],
  ],
  "tsig": [
    `
$ mcnsctl tsig list
KEY   ALGORITHM    MAY UPDATE                          CREATED               USED
acme  hmac-sha256  example.org:_acme-challenge.**:TXT  2026-01-02T03:04:05Z  never
$ mcnsctl tsig add acme --scope example.org:_acme-challenge.**:TXT
key "acme" {
  algorithm hmac-sha256;
  secret "c2VjcmV0";
};
$ mcnsctl tsig add acme --scope example.org
mcnsctl: --scope: must be ZONE:NAMES or ZONE:NAMES:TYPES, got "example.org"
[2]
$ mcnsctl tsig scopes acme
mcnsctl: --scope: give what it may change, or --none
[2]
$ mcnsctl tsig delete acme
Deleted key acme
`,
    [
      'ListTsigKeys {"pageSize":1000}',
      'CreateTsigKey {"name":"acme","scopes":[{"zone":"example.org","names":["_acme-challenge.**"],"types":["TXT"]}]}',
      'DeleteTsigKey {"name":"acme"}',
    ],
  ],
  "cache": [
    `
$ mcnsctl cache list example.com
NAME         TYPE  ANSWER   TTL  HITS  VALUES
example.com  A     NOERROR   12     3  A 192.0.2.7
$ mcnsctl cache flush
Forgot 3 answers
`,
    ['ListCache {"name":"example.com","pageSize":100}', "FlushCache {}"],
  ],
  "queries": [
    `
$ mcnsctl queries --client 192.0.2.0/24 --for 5m
2026-01-02T03:04:05Z 192.0.2.9 udp  www.example.org A  NOERROR  60 octets in 42 µs
`,
    ['WatchQueries {"client":"192.0.2.0/24","seconds":300}'],
  ],
  "explain": [
    `
$ mcnsctl explain www.example.org A --client 192.0.2.9
1. client 192.0.2.9 is in no view
2. reply: NOERROR

answer
  www.example.org. 300 IN A 192.0.2.1
`,
    ['Explain {"name":"www.example.org","type":"A","client":"192.0.2.9"}'],
  ],
  "stats": [
    `
$ mcnsctl stats
since      2026-01-02T03:04:05Z (…)
zones      2 with 12 records
queries    11: UDP 10, TCP 1, TLS 0, HTTPS 0
own        8 answered from our zones
forwarded  0, of which 0 from the cache and 0 stale
refused    0
failed     0 SERVFAIL, 0 malformed
held back  0 too often, 0 on block lists, 0 sent to TCP
cache      0 answers in 0 bytes
changes    0 updates, 0 transfers out

UPSTREAM       STATE    QUERIES  FAILURES     RTT
192.0.2.99:53  replies        5         0  1.3 ms
`,
    ["GetStats {}"],
  ],
  "audit, whoami": [
    `
$ mcnsctl audit --actor ada
AT                    BY   FROM  ACTION       TARGET       OUTCOME  DETAIL
2026-01-02T03:04:05Z  ada  ::1   zone.create  example.org  ok
$ mcnsctl whoami
account     ada
type        human, admin
may change  zones, keys and settings; all records
`,
    ['ListAuditEvents {"actor":"ada","pageSize":20}', "WhoAmI {}"],
  ],
};
for (const [name, [session, asks]] of Object.entries(sessions)) {
  Deno.test(`mcnsctl ${name}`, async () => {
    await using mcns = await scriptedMcns(answers);
    await playSession(session, mcns.programs);
    assert.deepEqual(mcns.asked, asks);
  });
}
