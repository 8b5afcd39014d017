/**
 * What others say of a signed zone: BIND's dnssec-verify, ldns-verify-zone, Knot's semantic checks.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "@lib/testing/mod.ts";

export interface ZoneVerifier {
  readonly tool: string;
  /** What it complains of; "" for a zone without fault. */
  verify(zone: { folder: string; origin: string; file: string; isSplit: boolean }): Promise<string>;
}

export const zoneVerifiers: readonly ZoneVerifier[] = [
  {
    tool: "dnssec-verify",
    async verify({ origin, file, isSplit }) {
      // -z: with one key for everything, there is none without the SEP flag.
      const { code, stdout, stderr } = await run("dnssec-verify", [...(isSplit ? [] : ["-z"]), "-o", origin, file]);
      return code === 0 ? "" : stdout + stderr;
    },
  },
  {
    tool: "ldns-verify-zone",
    async verify({ file }) {
      const { code, stdout, stderr } = await run("ldns-verify-zone", ["-V", "1", file]);
      return code === 0 ? "" : stdout + stderr;
    },
  },
  {
    tool: "knotc",
    async verify({ folder, origin, file }) {
      const config = join(folder, "knot.conf");
      Deno.writeTextFileSync(
        config,
        `server:
  rundir: ${folder}
database:
  storage: ${folder}
zone:
  - domain: ${origin}
    file: ${file}
    storage: ${folder}
    journal-content: none
    semantic-checks: on
`,
      );
      const { code, stdout, stderr } = await run("/usr/sbin/knotc", ["-c", config, "zone-check", origin]);
      // It takes no zone with names below a DNAME (RFC 6672 §2.4), which are hidden, and which a caller may write all the same.
      if (/child record exists under DNAME/.test(stderr)) return "";
      // It ends with 0 after warnings, too. Glue that is missing is none of a signer's business.
      const complaints = (stdout + stderr).split("\n").filter((line) =>
        line !== "" && !line.endsWith("missing glue record")
      );
      return code === 0 ? complaints.join("\n") : stdout + stderr;
    },
  },
];

/** Fails with what any of the verifiers has to say. `isSplit`: it has a KSK and a ZSK. */
export async function assertVerified(origin: string, text: string, isSplit: boolean, what: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dnssec-" });
  try {
    const file = join(folder, `${origin}.zone`);
    await Deno.writeTextFile(file, text);
    for (const { tool, verify } of zoneVerifiers) {
      assert.equal(await verify({ folder, origin, file, isSplit }), "", `${tool}: ${what}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
