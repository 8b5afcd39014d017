/**
 * Load by dnsperf, as hard as it can.
 * @module
 */
import { run } from "@lib/testing/mod.ts";

export interface Load {
  transport: "udp" | "tcp" | "dot";
  port: number;
  /** Of `questionLines`. */
  questionsFile: string;
  seconds: number;
}

/** Four clients that have 200 queries under way between them: over TCP and TLS they pipeline. */
const clients = 4;
const underWay = 200;

/** @returns how many queries were answered. Throws when any answer was not NOERROR, or more than 1 in 100 is missing */
export async function load({ transport, port, questionsFile, seconds }: Load): Promise<number> {
  const { code, stdout, stderr } = await run("dnsperf", [
    ...["-m", transport, "-s", "127.0.0.1", "-p", String(port), "-d", questionsFile],
    ...["-l", String(seconds), "-c", String(clients), "-T", "1", "-q", String(underWay), "-t", "1"],
  ]);
  const said = stdout.replace(/^[^]*(?=Statistics)/, "") + stderr.slice(0, 1000);
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? NaN);
  const completed = number(/Queries completed:\s+(\d+)/);
  const lost = number(/Queries lost:\s+(\d+)/);
  const good = number(/Response codes:\s+NOERROR (\d+) \(100\.00%\)/);
  if (code !== 0 || !(completed > 0) || good !== completed) throw new Error(`dnsperf failed:\n${said}`);
  if (lost > completed / 100) throw new Error(`${lost} of ${completed} queries were lost:\n${said}`);
  return completed;
}
