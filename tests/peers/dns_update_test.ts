/** Zones of MCNS changed by RFC 2136: nsupdate and knsupdate within a key's scope; lego and certbot for DNS-01 challenges. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type NameServer, nameServer } from "../../services/mcns/testing/name_server.ts";
import { lookUp, zoneName } from "../../services/mcns/testing/temp_store.ts";
import { type AcmeServer, acmeServer } from "./acme_server.ts";
import { certbot } from "./certbot.ts";
import { dig, nsupdate, run, type TransferKey } from "./dns_transfer_servers.ts";
import { withTools } from "./tools.ts";

Deno.test({
  ...withTools(
    "nsupdate and knsupdate change what their key's scope has, and nothing else",
    "nsupdate",
    "knsupdate",
    "dig",
  ),
  async fn() {
    await using mcns = await nameServer();
    mcns.createZone("example.org", ["www 300 A 192.0.2.1"]);
    mcns.createZone("example.net");
    const name = "dhcp.example";
    const key = {
      name,
      secret: mcns.createKey(name, [{ zone: "example.org", names: ["*.lan", "extra"], types: ["A", "TXT"] }]),
    };
    for (
      const [lines, outcome, asked, want] of [
        [["update add pc.lan.example.org. 60 A 192.0.2.9"], "NOERROR", "pc.lan.example.org A", "192.0.2.9"],
        [
          [
            "prereq yxdomain pc.lan.example.org.",
            "update delete pc.lan.example.org. A",
            "update add pc.lan.example.org. 60 A 192.0.2.8",
          ],
          "NOERROR",
          "pc.lan.example.org A",
          "192.0.2.8",
        ],
        [
          ["prereq nxdomain pc.lan.example.org.", "update delete pc.lan.example.org."],
          "YXDOMAIN",
          "pc.lan.example.org A",
          "192.0.2.8",
        ],
        [
          ["prereq yxrrset pc.lan.example.org. A 192.0.2.1", "update delete pc.lan.example.org."],
          "NXRRSET",
          "pc.lan.example.org A",
          "192.0.2.8",
        ],
        [['update add extra.example.org. 60 TXT "a b" "c;d"'], "NOERROR", "extra.example.org TXT", '"a b" "c;d"'],
        [["update delete pc.lan.example.org."], "NOERROR", "pc.lan.example.org A", ""],
        [["update add www.example.org. 60 A 192.0.2.9"], "REFUSED", "www.example.org A", "192.0.2.1"],
        [["update delete www.example.org. A"], "REFUSED", "www.example.org A", "192.0.2.1"],
        [["update add lan.example.org. 60 A 192.0.2.9"], "REFUSED", "lan.example.org A", ""],
        [["update add x.lan.example.org. 60 AAAA 2001:db8::1"], "REFUSED", "x.lan.example.org AAAA", ""],
        [
          ["update add y.lan.example.org. 60 A 192.0.2.9", "update add www.example.org. 60 A 192.0.2.9"],
          "REFUSED",
          "y.lan.example.org A",
          "",
        ],
        [["zone example.net.", "update add x.example.net. 60 A 192.0.2.9"], "REFUSED", "x.example.net A", ""],
        [["zone example.com.", "update add x.example.com. 60 A 192.0.2.9"], "NOTAUTH", "x.example.com A", ""],
      ] as const
    ) {
      const title = lines.join("; ");
      const said = await nsupdate(mcns.port, key, lines).catch((error: Error) => error.message);
      assert.match(
        said,
        outcome === "NOERROR" ? /status: NOERROR/ : new RegExp(`(update failed|status): ${outcome}`),
        title,
      );
      assert.doesNotMatch(said, /TSIG error|BADSIG|BADKEY|couldn't/i, title);
      assert.equal(await dig(mcns.port, ...asked.split(" ")), want, title);
    }
    await assert.rejects(() => nsupdate(mcns.port, null, ["update add z.lan.example.org. 60 A 192.0.2.9"]), /REFUSED/);
    const wrong = { name, secret: btoa("not the secret at all") };
    await assert.rejects(
      () => nsupdate(mcns.port, wrong, ["update add z.lan.example.org. 60 A 192.0.2.9"]),
      /BADSIG|NOTAUTH/,
    );
    await knsupdate(mcns.port, key, ["zone example.org.", "add k.lan.example.org. 60 A 192.0.2.7", "send"]);
    assert.equal(await dig(mcns.port, "k.lan.example.org", "A"), "192.0.2.7");
  },
});

Deno.test({
  ...withTools("lego's rfc2136 provider sets and clears _acme-challenge with a key for nothing else", "lego", "dig"),
  async fn() {
    await using world = await acmeWorld();
    const { mcns, acme, key, folder } = world;
    const said = await run("lego", [
      ...["--server", acme.directory, "--accept-tos", "--email", "ada@example.org", "--path", folder],
      ...[
        "--dns",
        "rfc2136",
        "--dns.resolvers",
        mcns.address,
        "--dns.disable-cp",
        "--domains",
        "www.example.org",
        "run",
      ],
    ], {
      env: {
        LEGO_CA_CERTIFICATES: acme.ca,
        RFC2136_NAMESERVER: mcns.address,
        RFC2136_TSIG_ALGORITHM: "hmac-sha256.",
        RFC2136_TSIG_KEY: key.name,
        RFC2136_TSIG_SECRET: key.secret,
      },
    });
    assert.match(said, /Server responded with a certificate/);
    checkOutcome(world);
    assert.match(Deno.readTextFileSync(join(folder, "certificates", "www.example.org.crt")), /BEGIN CERTIFICATE/);
  },
});

Deno.test({
  ...withTools(
    "certbot's hooks set and clear _acme-challenge with a key for nothing else",
    "certbot",
    "nsupdate",
    "dig",
  ),
  async fn() {
    await using world = await acmeWorld();
    const { mcns, acme, key, folder } = world;
    const keyFile = join(folder, "key");
    Deno.writeTextFileSync(keyFile, `key "${key.name}" { algorithm hmac-sha256; secret "${key.secret}"; };\n`, {
      mode: 0o600,
    });
    const env = { MCNS_SERVER: `127.0.0.1 ${mcns.port}`, MCNS_KEY_FILE: keyFile };
    const ask = (authHook: string) => certbot({ folder, acme, authHook, cleanupHook: "clear_challenge.sh", env });
    // Nothing set, nothing issued: the CA looks.
    await assert.rejects(() => ask("/bin/true"), /no TXT record has the right value/);
    assert.deepEqual(acme.checks, ["www.example.org invalid"]);
    assert.match(await ask("set_challenge.sh"), /Successfully received certificate/);
    checkOutcome(world);
  },
});

interface AcmeWorld extends AsyncDisposable {
  readonly mcns: NameServer;
  readonly acme: AcmeServer;
  readonly key: TransferKey;
  readonly folder: string;
}

/** MCNS with a zone and a key for its challenges, and a CA that looks them up there. */
async function acmeWorld(): Promise<AcmeWorld> {
  const folder = await Deno.makeTempDir({ prefix: "acme-client-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const mcns = stack.use(await nameServer());
  mcns.createZone("example.org", ["www 300 A 192.0.2.1"]);
  const name = "acme.example";
  const scope = { zone: "example.org", names: ["_acme-challenge.**"], types: ["TXT"] };
  const key = { name, secret: mcns.createKey(name, [scope]) };
  const acme = stack.use(
    await acmeServer(async (asked) => {
      const lines = (await dig(mcns.port, asked, "TXT")).split("\n");
      return lines.map((line) => line.replaceAll('"', ""));
    }),
  );
  const open = stack.move();
  return { mcns, acme, key, folder, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

/** The last check went well, the record is gone, and history has who set and who cleared it. */
function checkOutcome({ mcns, acme, key }: AcmeWorld): void {
  assert.equal(acme.checks.at(-1), "www.example.org valid");
  assert.equal(lookUp(mcns.store.directory, "_acme-challenge.www.example.org TXT"), "no_name");
  const changes = mcns.store.changes.list(zoneName("example.org"), null, { limit: 2, before: null });
  assert.deepEqual(changes.map(({ actor }) => actor), [`tsig:${key.name}`, `tsig:${key.name}`]);
  assert.deepEqual(changes.map(({ added, removed }) => [added.length, removed.length]), [[0, 1], [1, 0]]);
}

async function knsupdate(port: number, key: TransferKey, lines: readonly string[]): Promise<void> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, [`server 127.0.0.1 ${port}`, ...lines, ""].join("\n"));
    const said = await run("knsupdate", ["-y", `hmac-sha256:${key.name}:${key.secret}`, file]);
    assert.doesNotMatch(said, /error|failed|WARNING/i);
  } finally {
    await Deno.remove(file);
  }
}
