/**
 * A program that listens as MCNS does and echoes, for what takes two processes: `echo_program.ts DNS_ADDR TLS_ADDR CERT KEY`.
 * It says "ready" with its addresses, and drains and ends when its input does.
 */
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { Counters } from "../dns/counters.ts";
import { listenDns } from "../dns/transport/listen.ts";
import { ScriptedResponder } from "./scripted_responder.ts";

if (import.meta.main) {
  const [address = "", tlsAddress = "", cert = "", key = ""] = Deno.args;
  const certificates = CertificateFiles.load({ cert, key, log: silentLogger, pollMs: 0 });
  const dns = await listenDns({
    addresses: [address],
    tls: { addresses: [tlsAddress], certificates },
    answers: new ScriptedResponder(),
    counters: new Counters(),
    clock: systemClock,
    log: silentLogger,
    idleMs: 10_000,
    maxConnections: 1000,
    maxPerClient: 1000,
  });
  console.log(`ready ${dns.addresses[0]} ${dns.tlsAddresses[0]}`);
  await Deno.stdin.readable.pipeTo(new WritableStream());
  await dns.close(2000);
  certificates.close();
}
