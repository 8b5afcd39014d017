/** What commands that look print, and what they ask MC-Proxy for. */
import assert from "node:assert/strict";
import { playSession } from "@lib/testing/mod.ts";
import { answers } from "./testing/sample_answers.ts";
import { scriptedMcproxy } from "./testing/scripted_mcproxy.ts";

/** Sessions, each with what it asks of MC-Proxy. */
const sessions: Record<string, [session: string, asks: string[]]> = {
  "cert list": [
    `
$ mcproxyctl cert list
LISTENER  HOST              DAYS LEFT  STATE                                                            NAMES
alt       example.net              90  /srv/certs/net.key does not belong to /srv/certs/net.pem         example.net
https     old.example.org           5  EXPIRES …                                     old.example.org
https     shop.example.org          4  until …, ACME renews it …  shop.example.org
https     example.org              60  until …                                       example.org www.example.org
`,
    [
      "ListCertificates {}",
    ],
  ],
  "cert reload": [
    `
$ mcproxyctl cert reload
LISTENER  HOST              DAYS LEFT  STATE                                                            NAMES
https     old.example.org           5  EXPIRES …                                     old.example.org
https     shop.example.org          4  until …, ACME renews it …  shop.example.org
https     example.org              60  until …                                       example.org www.example.org
`,
    [
      "ReloadCertificates {}",
    ],
  ],
  "connections": [
    `
$ mcproxyctl connections
CLIENT           HOST         LISTENER  PROTOCOL  SINCE  REQUESTS       IN     OUT
192.0.2.9:50123  example.org  https     h2           2h        18  1.2 KiB  53 MiB
$ mcproxyctl connections --listener https -n 1
CLIENT           HOST         LISTENER  PROTOCOL  SINCE  REQUESTS       IN     OUT
192.0.2.9:50123  example.org  https     h2           2h        18  1.2 KiB  53 MiB
mcproxyctl: 12 in all; -n shows up to 1000
`,
    [
      'ListConnections {"limit":100}',
      'ListConnections {"listener":"https","limit":1}',
    ],
  ],
  "explain": [
    `
$ mcproxyctl explain example.org
STAGE     RESULT  WHY
listener  choose  https (tls, 0.0.0.0:443)
firewall  refuse  block blocked: 192.0.2.7 is in 192.0.2.7

refused: answered with 403
[1]
$ mcproxyctl explain example.org /x 192.0.2.7 'curl/8 x' --listener https --all
STAGE     RESULT  WHY
listener  choose  https (tls, 0.0.0.0:443)
firewall  skip    limit few: it is for listener alt
firewall  refuse  block blocked: 192.0.2.7 is in 192.0.2.7

refused: answered with 403
[1]
`,
    [
      'Explain {"host":"example.org"}',
      'Explain {"host":"example.org","path":"/x","address":"192.0.2.7","userAgent":"curl/8 x","listener":"https"}',
    ],
  ],
  "status": [
    `
$ mcproxyctl status
up           …, since 2026-01-02T03:04:05Z
connections  12 of clients, 2 to backends
health       4 NEED A LOOK
  route https example.org/api is DOWN: none of its backends is well
  backend 10.0.0.7:9443 fails: GET /health answered 500 (https example.org/api)
  certificate alt example.net: /srv/certs/net.key does not belong to /srv/certs/net.pem
  certificate https old.example.org: EXPIRES …

LISTENER  ADDRESS       OPEN  ACCEPTED  REFUSED
https     0.0.0.0:443     12      9000  41 firewall, 7 not tls, 3 no sni, 2 hello timeout, 2 others
behind    10.0.0.2:443     0         0  none

ROUTE                   MODE  TO                             OPEN  CONNECTIONS  REQUESTS   4XX  5XX  BACKEND ERRORS    P99
https example.org/api   l7    tls 10.0.0.7:9443                 1          300       400         20               9  1.5 s
https shop.example.org  l7    maintenance                       0            0         2          2
https example.org       l7    127.0.0.1:8080 127.0.0.1:8081    10         8000    120000  1000                       48 ms
https db.example.org    l4    127.0.0.1:5432                    1            7
[1]
`,
    [
      "GetStats {}",
      "ListCertificates {}",
      'ListRoutes {"pageSize":1000}',
    ],
  ],
  "top": [
    `
$ mcproxyctl top --once --interval 100ms -n 3
… UTC, up …, 12 connections, 0 requests/s, in 0 B/s, out 0 B/s

ROUTE                  REQ/S  CONN/S  OPEN  IN/S  OUT/S     P50    P99  ERRORS/S
https example.org          0       0    10   0 B    0 B  1.3 ms  48 ms         0
https db.example.org               0     1   0 B    0 B                        0
https example.org/api      0       0     1   0 B    0 B   12 ms  1.5 s         0
and 1 more

BACKEND         BUSY  IDLE  STATE
10.0.0.7:9443      0     0  FAILS: GET /health answered 500
127.0.0.1:8080     2     5  well
`,
    [
      "GetStats {}",
      "GetStats {}",
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
