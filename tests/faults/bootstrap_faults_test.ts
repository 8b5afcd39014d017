/** What `up` finds in its way: told by name and mendable; what is not concerned comes up. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { createCsr, exportKeyPem, generateKey, parseCertificate, signLeaf } from "@lib/pki/mod.ts";
import { layoutOf } from "../../deploy/local/layout.ts";
import { rootOf } from "../../deploy/local/pki.ts";
import { type Ran, serviceZone, TestPlatform } from "../platform.ts";
import { DnsAsker } from "../stories/dns_asker.ts";

function refuses({ code, stdout, stderr }: Ran, expected: string): void {
  deepEqual({ stdout, stderr: stderr.trim(), code }, { stdout: "", stderr: expected, code: 1 });
}

/** A folder and ports for a platform that never comes up. */
async function unstarted(work: (platform: TestPlatform) => Promise<void>): Promise<void> {
  const platform = TestPlatform.unstarted();
  try {
    await work(platform);
    deepEqual(await platform.processes(), []);
  } finally {
    Deno.removeSync(join(platform.data, ".."), { recursive: true });
  }
}

Deno.test("up refuses a port that is in use and says who needs it and how to find who has it", () =>
  unstarted(async (platform) => {
    const port = platform.base + 122;
    using _taken = Deno.listen({ hostname: "127.0.0.1", port });
    refuses(
      await platform.local("up"),
      `Port 127.0.0.1:${port}, which mcns gRPC needs, is in use by another program
  Find who has it with: ss -lntup 'sport = :${port}'. Or choose other ports with --ports-base.`,
    );
  }));

Deno.test("up refuses a data folder of another version and leaves it alone", () =>
  unstarted(async (platform) => {
    Deno.mkdirSync(platform.data);
    Deno.writeTextFileSync(join(platform.data, "version"), "99\n");
    const expected = `${platform.data} is a data folder of version "99"; this program knows 1
  Start it with the program that made it, or name another folder with --data.`;
    for (const verb of ["up", "down", "status"]) refuses(await platform.local(verb), expected);
    deepEqual([...Deno.readDirSync(platform.data)].map(({ name }) => name), ["version"]);
  }));

Deno.test("up refuses a folder that holds something else and leaves it alone", () =>
  unstarted(async (platform) => {
    Deno.mkdirSync(platform.data);
    Deno.writeTextFileSync(join(platform.data, "thesis.tex"), "x");
    refuses(
      await platform.local("up"),
      `${platform.data} holds something else than a platform
  Name an empty or new folder with --data.`,
    );
    deepEqual([...Deno.readDirSync(platform.data)].map(({ name }) => name), ["thesis.tex"]);
  }));

Deno.test("a platform with damaged parts says which and why, brings up the others, and is whole once mended", async (t) => {
  await using platform = await TestPlatform.start();
  equal((await platform.local("down")).code, 0);
  const mcnsConfig = platform.srv("mcns", "mcns.toml");
  const config = Deno.readTextFileSync(mcnsConfig);
  const database = platform.srv("metacrypt", "data", "metacrypt.db");
  const whole = Deno.readFileSync(database);
  const states = async () => {
    const { stdout } = await platform.mcp("ps", "--json");
    const { services } = JSON.parse(stdout) as { services: { name: string; state: string }[] };
    return Object.fromEntries(services.map(({ name, state }) => [name, state]));
  };

  await t.step("an unknown config key and a damaged database", async () => {
    Deno.writeTextFileSync(mcnsConfig, config.replace("[dns]\n", "[dns]\nlisten_adrs = []\n"));
    const damaged = whole.slice();
    damaged.fill(0xa5, 4096, Math.min(damaged.length, 4096 * 6));
    Deno.writeFileSync(database, damaged);
    const { code, stderr } = await platform.local("up");
    equal(code, 1);
    match(stderr, /^The platform is not healthy:$/m);
    const line =
      config.replace("[dns]\n", "[dns]\nlisten_adrs").slice(0, config.indexOf("[dns]\n")).split("\n").length + 1;
    const at = `${mcnsConfig}:${line}`;
    for (
      const said of [
        "mcns: is degraded; server ended with code 2\n",
        `mcns printed: mcns: ${at}: unknown key "dns.listen_adrs"\n`,
        'mcns printed:   Did you mean "listen_addrs"?\n',
        "metacrypt: is degraded; server ended with code 1\n",
        `metacrypt printed: metacrypt: Database ${database} is damaged: database disk image is malformed\n`,
      ]
    ) ok(stderr.includes(said), `${said} is missing in:\n${stderr}`);
    const { mcns, metacrypt, ...others } = await states();
    deepEqual(others, { mcias: "running", mcproxy: "running", mcr: "running" });
    ok(mcns !== "running" && metacrypt !== "running", `${mcns} ${metacrypt}`);
    // What was there is there still, for whoever rescues it.
    deepEqual(Deno.readFileSync(database), damaged);
  });

  await t.step("mended, the platform is whole at the next up", async () => {
    equal((await platform.local("down")).code, 0);
    Deno.writeTextFileSync(mcnsConfig, config);
    for (const name of ["metacrypt.db-wal", "metacrypt.db-shm"]) {
      try {
        Deno.removeSync(platform.srv("metacrypt", "data", name));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    Deno.writeFileSync(database, whole);
    const { code, stderr } = await platform.local("up");
    equal(code, 0, stderr);
    deepEqual(new Set(Object.values(await states())), new Set(["running"]));
  });

  await t.step("certificates that ended while it was down are made anew", async () => {
    equal((await platform.local("down")).code, 0);
    const root = await rootOf(layoutOf(platform.data, platform.base));
    const names = [`mcns.${serviceZone}`, "localhost", "127.0.0.1"];
    const pair = await generateKey();
    const ended = await signLeaf(root, await createCsr({ key: pair, names }), {
      names,
      notBefore: new Date(Date.now() - 10_000),
      notAfter: new Date(Date.now() - 1_000),
    });
    Deno.writeTextFileSync(platform.srv("mcns", "tls", "key.pem"), await exportKeyPem(pair));
    Deno.writeTextFileSync(platform.srv("mcns", "tls", "cert.pem"), ended);
    const { code, stderr } = await platform.local("up");
    equal(code, 0, stderr);
    const made = parseCertificate(Deno.readTextFileSync(platform.srv("mcns", "tls", "cert.pem")));
    ok(made.notAfter.getTime() > Date.now());
    deepEqual(made.names, names);
    const dns = new DnsAsker(platform.file.dns);
    deepEqual(await dns.ask(`mcns.${serviceZone}`), { rcode: 0, addresses: ["127.0.0.1"] });
    await dns.close();
  });
});
