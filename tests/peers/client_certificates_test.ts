/** Client certificates as curl and openssl show them to a proxy in its sandbox: chains, sessions, versions. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../platform.ts";
import { McproxyProcess } from "./mcproxy_process.ts";
import { withTools } from "./tools.ts";

const host = "web.test";

/** Makes keys and certificates with openssl: what it writes is what people have. */
class Workshop {
  constructor(readonly folder: string) {}

  file(name: string): string {
    return join(this.folder, name);
  }

  async #openssl(...args: string[]): Promise<void> {
    const { code, stderr } = await run("openssl", args, { stdin: "" });
    assert.equal(code, 0, `openssl ${args.join(" ")}: ${stderr}`);
  }

  /** `<name>.pem` and `<name>.key`, signed by `issuer`, or by itself for "". */
  async make(name: string, issuer: string, extensions: string, subject = `/O=Example, Inc/CN=${name}`): Promise<void> {
    const [key, request, config] = [this.file(`${name}.key`), this.file(`${name}.csr`), this.file(`${name}.ext`)];
    await Deno.writeTextFile(config, extensions);
    await this.#openssl("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", key);
    await this.#openssl("req", "-new", "-key", key, "-subj", subject, "-out", request);
    const signer = issuer === ""
      ? ["-signkey", key]
      : ["-CA", this.file(`${issuer}.pem`), "-CAkey", this.file(`${issuer}.key`), "-CAcreateserial"];
    // Without an extension openssl 3.0 writes version 1.
    const extended = extensions === "" ? [] : ["-extfile", config];
    await this.#openssl(
      ...["x509", "-req", "-in", request, "-days", "30", "-out", this.file(`${name}.pem`)],
      ...signer,
      ...extended,
    );
  }
}

const ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n";
const leaf = "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n";

Deno.test({
  ...withTools("curl and openssl show MC-Proxy their certificates", "curl", "openssl"),
  async fn(t) {
    const heads: Headers[] = [];
    await using backend = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, ({ headers }) => {
      heads.push(headers);
      return new Response("ok");
    });
    await using proxy = await McproxyProcess.start({
      names: [host, "open.test"],
      config: { access_log: ['dir = "log"'] },
    });
    const shop = new Workshop(join(proxy.folder, "shop"));
    await Deno.mkdir(shop.folder);
    await shop.make("root", "", ca, "/CN=Staff root");
    await shop.make("middle", "root", ca, "/CN=Staff middle");
    await shop.make("narrow", "root", `${ca}nameConstraints=critical,permitted;DNS:.staff.test\n`, "/CN=Narrow");
    await shop.make("foreign", "", ca, "/CN=Staff root");
    await shop.make("alice", "root", leaf);
    await shop.make("bob", "middle", leaf);
    await shop.make("server", "root", leaf.replace("clientAuth", "serverAuth"));
    await shop.make("inside", "narrow", `${leaf}subjectAltName=DNS:a.staff.test\n`);
    await shop.make("outside", "narrow", `${leaf}subjectAltName=DNS:a.other.test\n`);
    await shop.make("mallory", "foreign", leaf);
    await shop.make("version1", "root", "");
    await shop.make("unknown", "root", `${leaf}1.2.3.4=critical,DER:0500\n`);
    await shop.make("garbled", "root", "basicConstraints=CA:FALSE\nsubjectAltName=DER:0500\n");
    for (const [below, above] of [["bob", "middle"], ["inside", "narrow"], ["outside", "narrow"]]) {
      const text = await Deno.readTextFile(shop.file(`${below}.pem`)) +
        await Deno.readTextFile(shop.file(`${above}.pem`));
      await Deno.writeTextFile(shop.file(`${below}-chain.pem`), text);
    }
    await Deno.copyFile(shop.file("root.pem"), join(proxy.folder, "certs", "staff.pem"));
    const route = { hostname: host, backends: [`127.0.0.1:${backend.addr.port}`] };
    const ask = (clientCert: string) => proxy.put({ ...route, clientCert, clientCa: "staff.pem" });
    await proxy.put({ ...route, hostname: "open.test" });

    const curl = async (shown: string, key: string, ...more: string[]) => {
      const { code, stdout, stderr } = await run("curl", [
        ...["-sS", "--max-time", "20", "--cacert", proxy.ca, "--resolve", `${host}:${proxy.port}:127.0.0.1`],
        ...(shown === "" ? [] : ["--cert", shop.file(`${shown}.pem`), "--key", shop.file(`${key}.key`)]),
        ...more,
        `https://${host}:${proxy.port}/`,
      ], { stdin: "" });
      return code === 0 ? stdout.trim() : stderr;
    };
    /** What s_client prints of one request. */
    const sClient = async (shown: string, ...more: string[]) => {
      const { stdout, stderr } = await run("openssl", [
        ...["s_client", "-connect", `127.0.0.1:${proxy.port}`, "-CAfile", proxy.ca, "-alpn", "http/1.1", "-ign_eof"],
        ...(more.includes("-servername") ? [] : ["-servername", host]),
        ...(shown === "" ? [] : ["-cert", shop.file(`${shown}.pem`), "-key", shop.file(`${shown}.key`)]),
        ...more,
      ], { stdin: `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n` });
      return stdout + stderr;
    };

    await t.step("required: chains of every kind, over both protocols", async () => {
      await ask("required");
      const rows: [shown: string, key: string, said: RegExp][] = [
        ["alice", "alice", /: ok$/],
        ["bob-chain", "bob", /: ok$/],
        ["inside-chain", "inside", /: ok$/],
        ["", "", /alert|certificate required/i],
        // The middle one is missing.
        ["bob", "bob", /: 403 .*"CN=Staff middle", who issued "O=.*CN=bob", is not trusted here$/],
        ["mallory", "mallory", /: 403 .*"CN=Staff root", who issued .*, is not trusted here$/],
        ["server", "server", /: 403 .*its extended key usage has no clientAuth$/],
        ["root", "root", /: 403 .*it is a CA's, not a client's$/],
        // What only the engine looks at.
        ["outside-chain", "outside", /: 403 .*the engine refuses it: /],
        ["version1", "version1", /: 403 .*the engine refuses it: /],
        ["unknown", "unknown", /alert/],
      ];
      for (const protocol of ["--http1.1", "--http2"]) {
        for (const [shown, key, said] of rows) {
          assert.match(`${shown} ${protocol}: ${await curl(shown, key, protocol)}`, said);
        }
      }
      const alice = (await Deno.readTextFile(shop.file("alice.pem"))).replaceAll(/-----[^-]+-----|\s/g, "");
      assert.equal(heads[0]!.get("client-cert"), `:${alice}:`);
      assert.equal(heads.length, 6);
    });

    await t.step("clients are told which CAs are taken, and what they lack", async () => {
      assert.match(await sClient("alice"), /Acceptable client certificate CA names\nCN ?= ?Staff root\n/);
      assert.match(await sClient(""), /SSL alert number 116/);
      assert.match(await sClient("garbled"), /SSL alert number 42/);
    });

    await t.step("a session goes on with what was found out when it began, and with nothing else", async () => {
      const session = shop.file("session.pem");
      const later = (shown = "") => sClient(shown, "-sess_in", session);
      const last = () => heads.at(-1)!.get("client-cert");
      // A good one keeps who it is, without showing it again.
      await sClient("alice", "-sess_out", session);
      const known = last();
      heads.length = 0;
      assert.match(await later(), /^Reused, TLSv1\.3[^]*HTTP\/1\.1 200/m);
      assert.equal(last(), known);
      // A bad one isn't made good by going on: here the engine itself has nothing against it any more.
      for (const shown of ["outside", "version1", "mallory"]) {
        await sClient(
          shown,
          "-cert_chain",
          shop.file(shown === "outside" ? "outside-chain.pem" : `${shown}.pem`),
          "-sess_out",
          session,
        );
        assert.match(await later(), /SSL alert number 40/, shown);
      }
      // Nor one that belongs to another name, or is from before anybody was asked.
      await sClient("", "-servername", "open.test", "-sess_out", session);
      assert.match(await later(), /^New, TLSv1\.3[^]*SSL alert number 116/m);
      await proxy.put(route);
      await sClient("", "-sess_out", session);
      assert.match(await later(), /^Reused, TLSv1\.3/m);
      await ask("required");
      heads.length = 0;
      assert.match(await later(), /SSL alert number 40/);
      assert.match(await sClient("alice"), /^New, TLSv1\.3[^]*HTTP\/1\.1 200/m);
      assert.equal(heads.length, 1);
    });

    await t.step("asked: everybody comes in, and good ones are known", async () => {
      await ask("asked");
      const known = async (shown: string, key: string) => {
        heads.length = 0;
        assert.equal(await curl(shown, key, "-H", "Client-Cert: :Zm9yZ2Vk:", "-H", "Client_Cert: :Zm9yZ2Vk:"), "ok");
        assert.equal(heads[0]!.get("client_cert"), null);
        return heads[0]!.get("client-cert") !== null;
      };
      assert.equal(await known("alice", "alice"), true);
      assert.equal(await known("bob-chain", "bob"), true);
      for (const name of ["", "mallory", "server", "version1"]) assert.equal(await known(name, name), false, name);
      // A bad one that goes on stays unknown.
      const session = shop.file("session.pem");
      await sClient("mallory", "-sess_out", session);
      heads.length = 0;
      assert.match(await sClient("", "-sess_in", session), /^Reused[^]*HTTP\/1\.1 200/m);
      assert.equal(heads[0]!.get("client-cert"), null);
    });

    await t.step("the access log says who it was", async () => {
      const lines = (await Deno.readTextFile(join(proxy.folder, "log", "access.log"))).trim().split("\n")
        .map((line) => JSON.parse(line));
      const { stdout } = await run("openssl", [
        "x509",
        "-in",
        shop.file("alice.pem"),
        "-noout",
        "-fingerprint",
        "-sha256",
      ]);
      const fingerprint = stdout.trim().split("=")[1]!.replaceAll(":", "").toLowerCase();
      const alice = lines.filter((line) => line.client_fingerprint === fingerprint);
      assert.ok(alice.length > 2);
      assert.match(alice[0].client_subject, /^O="?Example\\?, Inc"?, ?CN=alice$|CN=alice, ?O=/);
      assert.ok(lines.filter(({ status }) => status === 403).every((line) => line.client_subject === undefined));
    });
  },
});
