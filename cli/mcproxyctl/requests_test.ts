/** What commands that set things ask MC-Proxy for. */
import assert from "node:assert/strict";
import { conflict, invalid, notFound } from "@lib/errors/mod.ts";
import { playSession, wordsOf } from "@lib/testing/mod.ts";
import { answers, blocked } from "./testing/sample_answers.ts";
import { scriptedMcproxy } from "./testing/scripted_mcproxy.ts";

const put = (more: string) => `PutRoute {"listener":"https","hostname":"example.org","mode":"l7",${more}}`;
const web = '"tlsCert":"/srv/certs/web.pem","tlsKey":"/srv/certs/web.key","path":"/","backendProtocol":"h1"';
const api =
  '"path":"/api","backendProtocol":"tls","backendName":"api.internal","sendProxyProtocol":"v2","stripPath":true,"requestHeaders":[{"op":"set","name":"x-team","value":"web"},{"op":"remove","name":"cookie"}],"responseHeaders":[{"op":"add","name":"vary","value":"accept"}],"compress":true,"maxBodyBytes":"20971520","responseTimeoutMs":90000,"healthCheck":{"path":"/health","intervalMs":5000,"timeoutMs":500,"expectedStatuses":["200-299","401"],"host":"up"}';
const login = '"hostname":"example.org","paths":["/login*"],"rate":{"perSecond":0.16666666666666666,"burst":5}';

/** What was read must still be there. */
const version = '"expectedVersion":"5f0c2a91d3e47b68"';

const writes: [line: string, asks: string][] = [
  [
    "route put example.org --backend 127.0.0.1:1 --backend 127.0.0.1:2 --cert web.pem --key web.key",
    put('"backends":["127.0.0.1:1","127.0.0.1:2"],"tlsCert":"web.pem","tlsKey":"web.key","path":"/"'),
  ],
  [
    "route put example.org --path /api --backend h:1 --backend-protocol tls --backend-name api.internal --strip-path --send-proxy-protocol v2",
    put(
      '"backends":["h:1"],"path":"/api","backendProtocol":"tls","backendName":"api.internal","sendProxyProtocol":"v2","stripPath":true',
    ),
  ],
  [
    "route put example.org --acme --backend h:1 --backend-protocol tls --backend-insecure --compress --max-body 20M --response-timeout 30s",
    put(
      '"backends":["h:1"],"path":"/","backendProtocol":"tls","backendInsecure":true,"acme":true,"compress":true,"maxBodyBytes":"20971520","responseTimeoutMs":30000',
    ),
  ],
  [
    "route put example.org --acme --backend h:1 --client-cert required --client-ca staff.pem",
    put('"backends":["h:1"],"path":"/","acme":true,"clientCa":"staff.pem","clientCert":"required"'),
  ],
  [
    "route put example.org --path /a --backend h:1 --request-header 'set X-A: b: c' --request-header 'remove Cookie' --response-header 'add Vary:x'",
    put(
      '"backends":["h:1"],"path":"/a","requestHeaders":[{"op":"set","name":"X-A","value":"b: c"},{"op":"remove","name":"Cookie"}],"responseHeaders":[{"op":"add","name":"Vary","value":"x"}]',
    ),
  ],
  [
    "route put example.org --path /a --redirect '301 https://{host}/b'",
    put('"path":"/a","redirect":{"status":301,"to":"https://{host}/b"}'),
  ],
  [
    "route put example.org --path /a --redirect /b --maintenance 'Back soon'",
    put('"path":"/a","redirect":{"status":308,"to":"/b"},"maintenance":"Back soon"'),
  ],
  [
    "route put example.org --path /a --backend h:1 --health-path /health --health-interval 10s --health-timeout 500ms",
    put('"backends":["h:1"],"path":"/a","healthCheck":{"path":"/health","intervalMs":10000,"timeoutMs":500}'),
  ],
  [
    "route put example.org --path /a --backend h:1 --health-path /up --health-host b.test:81 --health-status 204 --health-status 401-403",
    put(
      '"backends":["h:1"],"path":"/a","healthCheck":{"path":"/up","expectedStatuses":["204","401-403"],"host":"b.test:81"}',
    ),
  ],
  [
    "route put example.org --path /a --backend h:1 --health-interval 1m",
    put('"backends":["h:1"],"path":"/a","healthCheck":{"intervalMs":60000}'),
  ],
  [
    "route put example.org --path /a --backend h:1 --sign-in",
    put('"backends":["h:1"],"path":"/a","signIn":{}'),
  ],
  [
    "route put example.org --path /a --backend h:1 --allow admin --allow account:bob",
    put('"backends":["h:1"],"path":"/a","signIn":{"allow":["admin","account:bob"]}'),
  ],
  [
    "route sign-in EXAMPLE.org --allow user",
    put(`"backends":["127.0.0.1:8080","127.0.0.1:8081"],${web},${version},"signIn":{"allow":["user"]}`),
  ],
  [
    "route sign-in example.org --path /api --off",
    put(`"backends":["10.0.0.7:9443"],${api},${version}`),
  ],
  [
    "route put * --listener pg --mode l4 --backend h:1",
    'PutRoute {"listener":"pg","hostname":"*","mode":"l4","backends":["h:1"],"path":"/"}',
  ],
  [
    "route maintenance EXAMPLE.org --on 'Back soon'",
    put(`"backends":["127.0.0.1:8080","127.0.0.1:8081"],${web},"maintenance":"Back soon",${version}`),
  ],
  [
    "route maintenance shop.example.org --off",
    'PutRoute {"listener":"https","hostname":"shop.example.org","mode":"l7","backends":["127.0.0.1:7000"],"path":"/","backendProtocol":"h2c","acme":true,' +
    `${version}}`,
  ],
  // All that is set on a route comes back.
  [
    "route backends example.org --path /api h:1",
    put(`"backends":["h:1"],${api},${version},"signIn":{"allow":["user","account:bob"]}`),
  ],
  [
    "route backends example.org --add h:1 --add 127.0.0.1:8081 --remove 127.0.0.1:8080",
    put(`"backends":["127.0.0.1:8081","h:1"],${web},${version}`),
  ],
  ["route delete example.org", 'DeleteRoute {"listener":"https","hostname":"example.org","path":"/"}'],
  ["listener put web 0.0.0.0:80 --kind http", 'PutListener {"name":"web","address":"0.0.0.0:80","kind":"http"}'],
  [
    "firewall put login limit --hostname example.org --path '/login*' --rate 10/m --burst 5",
    `PutRule {"id":"login","priority":100,"action":"limit",${login}}`,
  ],
  [
    "firewall put x limit --rate 300/h --listener https --priority 7",
    'PutRule {"id":"x","priority":7,"action":"limit","listener":"https","rate":{"perSecond":0.08333333333333333,"burst":300}}',
  ],
  [
    "firewall put x block --country DE --country ?? --user-agent '*bot*' --note why --disabled",
    'PutRule {"id":"x","priority":100,"disabled":true,"action":"block","countries":["DE","??"],"userAgents":["*bot*"],"note":"why"}',
  ],
  ["firewall put x limit --max-connections 9", 'PutRule {"id":"x","priority":100,"action":"limit","maxConnections":9}'],
  [
    "firewall disable login",
    `PutRule {"id":"login","priority":100,"disabled":true,"action":"limit",${login},"note":"passwords are guessed",${version}}`,
  ],
  [
    "firewall enable abroad",
    'PutRule {"id":"abroad","priority":200,"action":"block","listener":"https","countries":["AA","BB","CC","DD","??"],"userAgents":["*bot*"],' +
    `${version}}`,
  ],
  [
    "firewall block 192.0.2.7/32 2001:DB8::1/128 198.51.100.0/24",
    'PutRule {"id":"blocked","action":"block","cidrs":["192.0.2.7","2001:db8::1","198.51.100.0/24"],' + `${version}}`,
  ],
  // The last address gone, the rule would be about everybody.
  ["firewall unblock 192.0.2.7", `DeleteRule {"id":"blocked",${version}}`],
  // And with a version that the operator has seen.
  [
    `route put example.org --path /a --redirect /b --expected-version none`,
    put('"path":"/a","redirect":{"status":308,"to":"/b"},"expectedVersion":"none"'),
  ],
  [
    "route delete example.org --expected-version 5f0c2a91d3e47b68",
    `DeleteRoute {"listener":"https","hostname":"example.org","path":"/",${version}}`,
  ],
  [
    "firewall put x limit --max-connections 9 --expected-version 5f0c2a91d3e47b68",
    `PutRule {"id":"x","priority":100,"action":"limit","maxConnections":9,${version}}`,
  ],
  ["firewall delete x --expected-version 5f0c2a91d3e47b68", `DeleteRule {"id":"x",${version}}`],
];
for (const [line, asks] of writes) {
  Deno.test(`mcproxyctl ${line} asks for exactly that`, async () => {
    await using proxy = await scriptedMcproxy(answers());
    const { code, stderr } = await proxy.mcproxyctl(...wordsOf(line));
    assert.deepEqual([code, stderr, proxy.asked.filter((one) => !/^(List|Get)/.test(one))], [0, "", [asks]]);
  });
}

// A rule of that name that is something else: adding to it would block more or less than was asked for.
const strangers: [what: string, rule: Partial<typeof blocked> & Record<string, unknown>][] = [
  ["allows", { action: "allow" }],
  ["is disabled", { disabled: true }],
  ["is for one listener", { listener: "https" }],
  ["is for paths", { paths: ["/x"] }],
  ["is about everybody", { cidrs: [] }],
];
for (const [what, rule] of strangers) {
  Deno.test(`mcproxyctl firewall block leaves a rule "blocked" alone that ${what}`, async () => {
    await using proxy = await scriptedMcproxy({ getRule: { ...blocked, ...rule } });
    const { code, stderr } = await proxy.mcproxyctl("firewall", "block", "192.0.2.9");
    assert.equal(code, 1);
    assert.match(stderr, /^mcproxyctl: Cannot change rule "blocked": it is not the list of blocked addresses/);
    assert.deepEqual(proxy.asked, ['GetRule {"id":"blocked"}']);
  });
}

Deno.test("mcproxyctl firewall block makes the rule where there is none", async () => {
  await using proxy = await scriptedMcproxy({ putRule: blocked, getRule: notFound("firewall rule", "blocked") });
  await proxy.mcproxyctl("firewall", "block", "192.0.2.7");
  assert.equal(
    proxy.asked[1],
    'PutRule {"id":"blocked","action":"block","cidrs":["192.0.2.7"],"expectedVersion":"none"}',
  );
});

Deno.test("mcproxyctl changes what somebody else has changed meanwhile, so that neither change is lost", async () => {
  const backends = ["127.0.0.1:1"];
  const version = () => `v${backends.length}`;
  await using proxy = await scriptedMcproxy({
    getRoute: () => ({ listener: "https", hostname: "example.org", path: "/", backends, version: version() }),
    putRoute: ({ expectedVersion }) => {
      // Somebody else adds one between the first reading and the first put.
      if (backends.length === 1) backends.push("127.0.0.1:2");
      return expectedVersion === version()
        ? { hostname: "example.org" }
        : conflict("Cannot change it: it is another now");
    },
  });
  const { code, stderr } = await proxy.mcproxyctl("route", "backends", "example.org", "--add", "127.0.0.1:3");
  assert.deepEqual([code, stderr], [0, ""]);
  const put = 'PutRoute {"listener":"https","hostname":"example.org","backends":';
  assert.deepEqual(proxy.asked.filter((one) => one.startsWith("Put")), [
    `${put}["127.0.0.1:1","127.0.0.1:3"],"path":"/","expectedVersion":"v1"}`,
    `${put}["127.0.0.1:1","127.0.0.1:2","127.0.0.1:3"],"path":"/","expectedVersion":"v2"}`,
  ]);
});

Deno.test("mcproxyctl doesn't repeat a change that is refused for what it is, nor one that never gets through", async () => {
  let version = 0;
  for (const [step, puts] of [[0, 1], [1, 5]] as const) {
    await using proxy = await scriptedMcproxy({
      getRoute: () => ({ hostname: "example.org", version: `v${version += step}` }),
      putRoute: conflict("Cannot change it"),
    });
    const { code, stderr } = await proxy.mcproxyctl("route", "maintenance", "example.org", "--off");
    assert.deepEqual([code, stderr], [1, "mcproxyctl: Cannot change it\n"]);
    assert.equal(proxy.asked.filter((one) => one.startsWith("Put")).length, puts);
  }
});

Deno.test("mcproxyctl errors name what was given: the flag for the API's field, the rule, the value", async () => {
  await using proxy = await scriptedMcproxy({
    putRoute: invalid("tls_cert", 'must lie below /srv/certs, without "." or ".." in it, got "../x"', {
      hint: "Look.",
    }),
    putRule: invalid("rate.burst", "must be a whole number from 1 to 1000000, got 0"),
    putListener: invalid("address", "must be one of 127.0.0.1:8443, got 0.0.0.0:1"),
    deleteListener: conflict('Cannot delete listener "https": it is in the configuration'),
    getRule: notFound("firewall rule", "bots"),
  });
  await playSession(
    `
$ mcproxyctl route put example.org --cert ../x --backend h:1
mcproxyctl: --cert: must lie below /srv/certs, without "." or ".." in it, got "../x"
  Look.
[2]
$ mcproxyctl firewall put x limit --rate 1/s --burst 0
mcproxyctl: --burst: must be a whole number from 1 to 1000000, got 0
[2]
$ mcproxyctl listener put x 0.0.0.0:1
mcproxyctl: address: must be one of 127.0.0.1:8443, got 0.0.0.0:1
[2]
$ mcproxyctl listener delete https
mcproxyctl: Cannot delete listener "https": it is in the configuration
[1]
$ mcproxyctl firewall disable bots
mcproxyctl: No firewall rule "bots"
  mcproxyctl firewall list shows those that there are.
[1]
$ mcproxyctl route put example.org --max-body 20MB
Failed to parse "20MB" for max-body: must be bytes, or like 512K, 20M, 1G
[2]
$ mcproxyctl route put example.org --request-header X-A:b
Failed to parse "X-A:b" for request-header: must be 'set NAME: VALUE', 'add NAME: VALUE' or 'remove NAME'
[2]
$ mcproxyctl route put example.org --redirect '308 /a b'
Failed to parse "308 /a b" for redirect: must be a status and where to, like '308 https://other.example{uri}'
[2]
$ mcproxyctl route put example.org --mode l5
Expected "l5" to be one of (l4|l7), did you mean "l4" or "l7"?
[2]
$ mcproxyctl route maintenance example.org --on ''
mcproxyctl: --on: needs a text: it is what visitors see
[2]
$ mcproxyctl roote list
No command registered for \`roote\`, did you mean \`route\`?
[2]
`,
    proxy.programs,
  );
});

Deno.test("mcproxyctl delete of what isn't there is no error, and says so", async () => {
  await using proxy = await scriptedMcproxy();
  await playSession(
    `
$ mcproxyctl route delete example.org --path /x
There was no route https example.org/x
$ mcproxyctl firewall delete x
There was no rule x
$ mcproxyctl listener delete x
There was no listener x
`,
    proxy.programs,
  );
});
