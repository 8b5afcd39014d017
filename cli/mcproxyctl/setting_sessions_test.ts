/** What commands that set things print, and what they ask MC-Proxy for. */
import assert from "node:assert/strict";
import { playSession } from "@lib/testing/mod.ts";
import { answers } from "./testing/sample_answers.ts";
import { scriptedMcproxy } from "./testing/scripted_mcproxy.ts";

/** Sessions, each with what it asks of MC-Proxy. */
const sessions: Record<string, [session: string, asks: string[]]> = {
  "route list": [
    `
$ mcproxyctl route list
LISTENER  HOST              PATH  MODE  TO                             CERTIFICATE
https     example.org       /     l7    127.0.0.1:8080 127.0.0.1:8081  web.pem
https     example.org       /api  l7    tls 10.0.0.7:9443
https     old.example.org   /     l7    308 https://example.org{uri}   acme
https     shop.example.org  /     l7    maintenance                    acme
https     db.example.org          l4    127.0.0.1:5432
`,
    [
      'ListRoutes {"pageSize":1000}',
    ],
  ],
  "route show": [
    `
$ mcproxyctl route show EXAMPLE.org
host         example.org
listener     https
mode         l7, TLS ends here
path         /
backends     127.0.0.1:8080 127.0.0.1:8081
protocol     HTTP/1.1 in the clear
certificate  /srv/certs/web.pem
key          /srv/certs/web.key
created      2026-01-02T03:04:05Z
changed      2026-01-02T03:04:05Z
version      5f0c2a91d3e47b68
$ mcproxyctl route show example.org --path /api
host              example.org
listener          https
mode              l7, TLS ends here
path              /api, not passed on
backends          10.0.0.7:9443
protocol          TLS, certificate for api.internal
proxy header      v2 to the backends
request headers   set x-team: web
                  remove cookie
response headers  add vary: accept
compresses        text
max body          20M
time-out          1m30s for a response's head
sign-in           role user, account bob
health            /health of up every 5s, within 500ms, well with 200-299 401
created           2026-01-02T03:04:05Z
changed           2026-01-02T03:04:05Z
version           5f0c2a91d3e47b68
$ mcproxyctl route show old.example.org
host         old.example.org
listener     https
mode         l7, TLS ends here
path         /
redirect     308 to https://example.org{uri}
backends     none
certificate  by ACME
created      2026-01-02T03:04:05Z
changed      2026-01-02T03:04:05Z
version      5f0c2a91d3e47b68
$ mcproxyctl route show shop.example.org
host         shop.example.org
listener     https
mode         l7, TLS ends here
path         /
maintenance  Back at 14:00
backends     127.0.0.1:7000
protocol     HTTP/2 in the clear
certificate  by ACME
created      2026-01-02T03:04:05Z
changed      2026-01-02T03:04:05Z
version      5f0c2a91d3e47b68
$ mcproxyctl route show db.example.org
host      db.example.org
listener  https
mode      l4, bytes pass as they are
backends  127.0.0.1:5432
created   2026-01-02T03:04:05Z
changed   2026-01-02T03:04:05Z
version   5f0c2a91d3e47b68
$ mcproxyctl route show example.net
mcproxyctl: No route "https example.net"
  mcproxyctl route list shows those that there are.
[1]
$ mcproxyctl route show example.org --path /x
mcproxyctl: No route "https example.org/x"
  There is https example.org, https example.org/api: name it with --listener and --path.
[1]
`,
    [
      'GetRoute {"listener":"https","hostname":"EXAMPLE.org","path":"/"}',
      'GetRoute {"listener":"https","hostname":"db.example.org","path":"/"}',
      'GetRoute {"listener":"https","hostname":"example.net","path":"/"}',
      'GetRoute {"listener":"https","hostname":"example.org","path":"/api"}',
      'GetRoute {"listener":"https","hostname":"example.org","path":"/x"}',
      'GetRoute {"listener":"https","hostname":"old.example.org","path":"/"}',
      'GetRoute {"listener":"https","hostname":"shop.example.org","path":"/"}',
      // For what there is instead.
      'ListRoutes {"pageSize":1000}',
      'ListRoutes {"pageSize":1000}',
    ],
  ],
  "route delete": [
    `
$ mcproxyctl route delete example.org --path /api
Deleted route https example.org/api
`,
    [
      'DeleteRoute {"listener":"https","hostname":"example.org","path":"/api"}',
    ],
  ],
  "route put": [
    `
$ mcproxyctl route put example.org --backend 127.0.0.1:8080 --backend 127.0.0.1:8081 --cert web.pem --key web.key
host         example.org
listener     https
mode         l7, TLS ends here
path         /
backends     127.0.0.1:8080 127.0.0.1:8081
protocol     HTTP/1.1 in the clear
certificate  /srv/certs/web.pem
key          /srv/certs/web.key
created      2026-01-02T03:04:05Z
changed      2026-01-02T03:04:05Z
version      5f0c2a91d3e47b68
`,
    [
      'PutRoute {"listener":"https","hostname":"example.org","mode":"l7","backends":["127.0.0.1:8080","127.0.0.1:8081"],"tlsCert":"web.pem","tlsKey":"web.key","path":"/"}',
    ],
  ],
  "route backends": [
    `
$ mcproxyctl route backends example.org --remove 127.0.0.1:1
mcproxyctl: --remove: 127.0.0.1:1 is none of the route's backends, which are 127.0.0.1:8080 127.0.0.1:8081
[2]
$ mcproxyctl route backends example.org
mcproxyctl: backend: name all of them, or give --add and --remove
[2]
$ mcproxyctl route backends example.org 127.0.0.1:1 --add 127.0.0.1:2
mcproxyctl: backend: name all of them, or give --add and --remove
[2]
`,
    [
      'GetRoute {"listener":"https","hostname":"example.org","path":"/"}',
    ],
  ],
  "route sign-in": [
    `
$ mcproxyctl route sign-in example.org
mcproxyctl: --allow: must be given, or --all, or --off, and one of them alone
[2]
$ mcproxyctl route sign-in example.org --allow user --off
mcproxyctl: --allow: must be given, or --all, or --off, and one of them alone
[2]
`,
    [],
  ],
  "route maintenance": [
    `
$ mcproxyctl route maintenance shop.example.org
mcproxyctl: --on: must be given with a text, or --off
[2]
$ mcproxyctl route maintenance shop.example.org --on x --off
mcproxyctl: --on: must be given with a text, or --off
[2]
`,
    [],
  ],
  "listener list": [
    `
$ mcproxyctl listener list
LISTENER  KIND  ADDRESS       PROXY HEADER FROM      SET BY
https     tls   0.0.0.0:443   nobody                 configuration
behind    tls   10.0.0.2:443  10.0.0.1, 10.1.0.0/16  API
`,
    [
      "ListListeners {}",
    ],
  ],
  "listener put": [
    `
$ mcproxyctl listener put behind 10.0.0.2:443 --proxy-protocol-from 10.0.0.1 --proxy-protocol-from 10.1.0.0/16
LISTENER  KIND  ADDRESS       PROXY HEADER FROM      SET BY
behind    tls   10.0.0.2:443  10.0.0.1, 10.1.0.0/16  API
`,
    [
      'PutListener {"name":"behind","address":"10.0.0.2:443","kind":"tls","proxyProtocolFrom":["10.0.0.1","10.1.0.0/16"]}',
    ],
  ],
  "listener delete": [
    `
$ mcproxyctl listener delete behind
Closed listener behind
`,
    [
      'DeleteListener {"name":"behind"}',
    ],
  ],
  "firewall list": [
    `
$ mcproxyctl firewall list
PRIORITY  RULE     ACTION           OF                                                            ABOVE            HITS  NOTE
       0  blocked  block            192.0.2.7                                                                        41
     100  login    limit            host example.org; path /login*                                10/m, 5 at once     0  passwords are guessed
     200  abroad   block, disabled  country AA, BB, CC and 2 more; listener https; agent "*bot*"                      0
     300  few      limit            everybody                                                     200 connections     0
`,
    [
      'ListRules {"pageSize":1000}',
    ],
  ],
  "firewall show": [
    `
$ mcproxyctl firewall show abroad
rule       abroad
action     block, disabled
priority   200
countries  AA BB CC DD ??
listener   https
agents     "*bot*"
hits       0
created    2026-01-02T03:04:05Z
changed    2026-01-02T03:04:05Z
version    5f0c2a91d3e47b68
$ mcproxyctl firewall show login
rule      login
action    limit
priority  100
host      example.org
paths     /login*
above     10/m, 5 at once
note      passwords are guessed
hits      0
created   2026-01-02T03:04:05Z
changed   2026-01-02T03:04:05Z
version   5f0c2a91d3e47b68
$ mcproxyctl firewall show bots
mcproxyctl: No firewall rule "bots"
  mcproxyctl firewall list shows those that there are.
[1]
`,
    [
      'GetRule {"id":"abroad"}',
      'GetRule {"id":"bots"}',
      'GetRule {"id":"login"}',
    ],
  ],
  "firewall put": [
    `
$ mcproxyctl firewall put blocked block --priority 0 --cidr 192.0.2.7
PRIORITY  RULE     ACTION  OF         ABOVE  HITS  NOTE
       0  blocked  block   192.0.2.7           41
$ mcproxyctl firewall put a block --burst 3
mcproxyctl: --burst: goes with --rate
[2]
$ mcproxyctl firewall put a deny
Failed to parse "deny" for action: must be allow, block or limit
[2]
`,
    [
      'PutRule {"id":"blocked","action":"block","cidrs":["192.0.2.7"]}',
    ],
  ],
  "firewall delete": [
    `
$ mcproxyctl firewall delete blocked
Deleted rule blocked
`,
    [
      'DeleteRule {"id":"blocked"}',
    ],
  ],
  "firewall block": [
    `
$ mcproxyctl firewall block 192.0.2.7
PRIORITY  RULE     ACTION  OF         ABOVE  HITS  NOTE
       0  blocked  block   192.0.2.7           41
`,
    [
      'GetRule {"id":"blocked"}',
      'PutRule {"id":"blocked","action":"block","cidrs":["192.0.2.7"],"expectedVersion":"5f0c2a91d3e47b68"}',
    ],
  ],
  "firewall unblock": [
    `
$ mcproxyctl firewall unblock 192.0.2.9
mcproxyctl: ip: 192.0.2.9 is not in rule "blocked"
  mcproxyctl firewall test 192.0.2.9 says which rule it meets.
[2]
$ mcproxyctl firewall unblock 192.0.2.7
Nobody is blocked by address any more
`,
    [
      'GetRule {"id":"blocked"}',
      'GetRule {"id":"blocked"}',
      'DeleteRule {"id":"blocked","expectedVersion":"5f0c2a91d3e47b68"}',
    ],
  ],
  "firewall test": [
    `
$ mcproxyctl firewall test 192.0.2.7
STAGE     RESULT  WHY
firewall  refuse  block blocked: 192.0.2.7 is in 192.0.2.7

refused: answered with 403
[1]
$ mcproxyctl firewall test 192.0.2.7 --host example.org --path /x --user-agent curl/8 --listener https --all
STAGE     RESULT  WHY
firewall  skip    limit few: it is for listener alt
firewall  refuse  block blocked: 192.0.2.7 is in 192.0.2.7

refused: answered with 403
[1]
`,
    [
      'Explain {"address":"192.0.2.7"}',
      'Explain {"host":"example.org","path":"/x","address":"192.0.2.7","userAgent":"curl/8","listener":"https"}',
    ],
  ],
};
for (const [command, [session, asks]] of Object.entries(sessions)) {
  Deno.test(`mcproxyctl ${command} prints and asks exactly this`, async () => {
    await using proxy = await scriptedMcproxy(answers());
    await playSession(session, proxy.programs);
    assert.deepEqual(proxy.asked.toSorted(), asks.toSorted());
  });
}
