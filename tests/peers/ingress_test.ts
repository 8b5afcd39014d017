/**
 * A platform with hello on it, as dig (BIND), kdig (Knot), curl and openssl see it from outside.
 */
import assert from "node:assert/strict";
import { portsAbove } from "../../deploy/local/layout.ts";
import { type Ran, run, serviceZone, TestPlatform } from "../platform.ts";
import { withTools } from "./tools.ts";

const hello = `hello.${serviceZone}`;

Deno.test({
  ...withTools("A platform with hello answers real clients", "dig", "kdig", "curl", "openssl"),
  async fn(t) {
    await using platform = await TestPlatform.start();
    const deployed = await platform.local("deploy", "hello");
    assert.equal(deployed.code, 0, deployed.stderr);

    for (const tool of ["dig", "kdig"]) {
      await t.step(`${tool} resolves hello over UDP and TCP, with and without EDNS`, () => asksNames(platform, tool));
    }
    await t.step("curl verifies and reads hello through the ingress", () => fetches(platform));

    for (const { use, port, name } of tlsListeners(platform)) {
      await t.step(
        `openssl: ${use} takes TLS 1.3 with a certificate of the CA for its name, and nothing older`,
        async () => {
          const handshake = (...args: string[]) => sClient(platform, port, name, ...args);
          const current = await handshake("-tls1_3");
          assert.equal(current.code, 0, current.stderr);
          assert.match(said(current), /Protocol version: TLSv1\.3/);
          assert.match(said(current), /Verification: OK/);
          assert.match(said(current), new RegExp(`Verified peername: ${name.replaceAll(".", "\\.")}\n`));

          // SECLEVEL=0, else this openssl itself would refuse the oldest two before a byte is sent.
          for (const version of ["-tls1_2", "-tls1_1", "-tls1"]) {
            const old = await handshake(version, "-cipher", "DEFAULT:@SECLEVEL=0");
            assert.notEqual(old.code, 0, `${version}: ${said(old)}`);
            assert.doesNotMatch(said(old), /CONNECTION ESTABLISHED/, version);
            // Alert 70 is protocol_version (RFC 8446 §6.2): the server refused it, not the client.
            assert.match(said(old), /SSL alert number 70/, version);
          }
        },
      );
    }

    await t.step("openssl finds another name than the certificate's wrong, and a chain of another CA", async () => {
      const { port, name } = tlsListeners(platform).find(({ use }) => use === "mcias REST")!;
      const wrongName = await sClient(platform, port, name, "-tls1_3", "-verify_hostname", `other.${serviceZone}`);
      assert.notEqual(wrongName.code, 0);
      assert.match(said(wrongName), /hostname mismatch/i);
      const noCa = await sClient({ ca: "/dev/null" }, port, name, "-tls1_3");
      assert.notEqual(noCa.code, 0);
      assert.doesNotMatch(said(noCa), /Verification: OK/);
    });

    await t.step("openssl gets no certificate from the ingress for a name that has no route, or for none", async () => {
      const { port } = tlsListeners(platform).find(({ use }) => use === "ingress")!;
      for (const args of [["-servername", `nobody.${serviceZone}`], ["-noservername"]]) {
        const { code, stdout, stderr } = await run("openssl", [
          ...["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", platform.file.ca, "-tls1_3", ...args],
        ], { stdin: "" });
        assert.notEqual(code, 0, args.join(" "));
        assert.match(stdout + stderr, /no peer certificate available/, args.join(" "));
      }
    });
  },
});

async function asksNames(platform: TestPlatform, tool: string): Promise<void> {
  const port = platform.file.dns.split(":")[1]!;
  const ask = async (args: string) => {
    const asked = await run(tool, ["@127.0.0.1", "-p", port, ...args.split(" ")]);
    assert.equal(asked.code, 0, `${tool} ${args}: ${said(asked)}`);
    assert.doesNotMatch(asked.stdout, /WARNING: (?!recursion)|malformed|extra bytes|mismatch/i, `${tool} ${args}`);
    return asked.stdout;
  };
  for (const transport of ["+notcp", "+tcp"]) {
    assert.equal(await ask(`${transport} +short ${hello} A`), "127.0.0.1\n", transport);
    for (
      const [args, want] of [
        [`${hello} A`, /status: NOERROR[^]*flags: qr aa rd[^]*\s127\.0\.0\.1\s/i],
        // Names compare without case (RFC 4343).
        [`HeLLo.${serviceZone} A`, /status: NOERROR[^]*\s127\.0\.0\.1\s/],
        [`+noedns ${hello} A`, /status: NOERROR(?![^]*EDNS)[^]*\s127\.0\.0\.1\s/],
        [`+edns=0 +bufsize=1232 +dnssec ${hello} A`, /EDNS[^]*version: 0[^]*flags: do/i],
        [`${hello} AAAA`, /status: NOERROR[^]*ANSWER: 0/i],
        [`nobody.${serviceZone} A`, /status: NXDOMAIN[^]*IN\s+SOA/],
        [
          `${serviceZone} SOA`,
          new RegExp(`status: NOERROR[^]*${serviceZone.replaceAll(".", "\\.")}\\.\\s+\\d+\\s+IN\\s+SOA`),
        ],
      ] as const
    ) assert.match(await ask(`${transport} ${args}`), want, `${tool} ${transport} ${args}`);
  }
}

async function fetches(platform: TestPlatform): Promise<void> {
  const page = await platform.curl(hello);
  assert.equal(page.code, 0, page.stderr);
  assert.match(page.stdout, /hello/i);
  const facts = await platform.curl(
    hello,
    "/",
    "--output",
    "/dev/null",
    "--write-out",
    "%{http_code} %{ssl_verify_result}",
  );
  assert.equal(facts.stdout, "200 0");

  // curl's exit codes: 60 the certificate isn't trusted, 35 the handshake failed.
  const untrusted = await platform.curl(hello, "/", "--cacert", "/dev/null", "--capath", "/dev/null");
  assert.ok([60, 77].includes(untrusted.code), `${untrusted.code} ${untrusted.stderr}`);
  assert.equal((await platform.curl(hello, "/", "--tls-max", "1.2")).code, 35);
  assert.equal((await platform.curl(`nobody.${serviceZone}`)).code, 35);
}

/** Every TLS listener of a platform, with a name that its certificate must carry. */
function tlsListeners(platform: TestPlatform): { use: string; port: number; name: string }[] {
  const { proxy, mcias, metacrypt, mcns, mcr, agent } = portsAbove(platform.base);
  const services = Object.entries({ mcias, metacrypt, mcns, mcr, "mcp-agent": agent });
  return [
    ...services.flatMap(([service, { rest, grpc }]) => [
      { use: `${service} REST`, port: rest, name: `${service}.${serviceZone}` },
      { use: `${service} gRPC`, port: grpc, name: `${service}.${serviceZone}` },
    ]),
    { use: "ingress", port: proxy, name: hello },
  ];
}

/** A handshake that checks the certificate and its name, and ends. */
function sClient(platform: TestPlatform | { ca: string }, port: number, name: string, ...args: string[]): Promise<Ran> {
  const ca = "ca" in platform ? platform.ca : platform.file.ca;
  return run("openssl", [
    ...["s_client", "-brief", "-connect", `127.0.0.1:${port}`, "-CAfile", ca, "-no-CApath", "-no-CAstore"],
    ...["-verify_return_error", "-servername", name, "-verify_hostname", name, ...args],
  ], { stdin: "" });
}

function said({ stdout, stderr }: Ran): string {
  return stdout + stderr;
}
