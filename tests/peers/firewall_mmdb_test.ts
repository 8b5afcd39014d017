/**
 * Country databases that the tests write, read by libmaxminddb's tool and its Python reader: so the writer writes the real
 * format, and our reader, which reads the same answers out of the same files, reads it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { seeded } from "@lib/testing/mod.ts";
import { formatIp, type IpAddress, parseIp } from "../../services/mcproxy/domain/ip_address.ts";
import type { MmdbValue } from "../../services/mcproxy/firewall/mmdb_data.ts";
import { MmdbReader } from "../../services/mcproxy/firewall/mmdb_reader.ts";
import { country, Typed, type Writable, writeMmdb } from "../../services/mcproxy/firewall/testing/mmdb_writer.ts";
import { withTools } from "./tools.ts";

const codes = ["DE", "FR", "IT", "CH", "US", "BR", "JP", "NZ"];
/** Every type of the format, and texts of each form of size. */
const everything: Writable = {
  country: { iso_code: "AT", names: { de: "Österreich" } },
  t29: "a".repeat(29),
  t285: "b".repeat(285),
  t65821: "c".repeat(65_821),
  double: 0.1,
  float: new Typed("float", 0.5),
  uint16: new Typed("uint16", 65_535),
  zero: 0,
  uint32: 4_294_967_295,
  int32: -2_147_483_648,
  uint64: 2n ** 64n - 1n,
  uint128: new Typed("uint128", 2n ** 128n - 1n),
  yes: true,
  no: false,
  array: ["shared text", "shared text", 1, [], {}],
};

interface Case {
  title: string;
  bytes: Uint8Array<ArrayBuffer>;
  addresses: readonly IpAddress[];
}

function cases(): Case[] {
  const below = seeded(20_261_121);
  const ipv4 = Array.from({ length: 300 }, (): [string, Writable] => {
    const code = country(codes[below(codes.length)]!);
    return below(2) === 0
      ? [`${below(224)}.${below(256)}.0.0/16`, code]
      : [`${below(224)}.${below(8)}.${below(256)}.0/24`, code];
  });
  ipv4.push(["192.0.2.1/32", everything], ["240.0.0.0/4", everything]);
  const ipv6 = Array.from({ length: 200 }, (): [string, Writable] => {
    const group = below(65_536).toString(16);
    return [`2001:${group}::/${32 + below(17)}`, country(codes[below(codes.length)]!)];
  });
  return ([24, 28, 32] as const).flatMap((recordSize) =>
    ([4, 6] as const).map((ipVersion) => {
      const networks = ipVersion === 4 ? ipv4 : [...ipv4, ...ipv6];
      const known = networks.map(([cidr]) => parseIp(cidr.split("/")[0]!)!);
      const random = Array.from({ length: 300 }, () => parseIp([0, 0, 0, 0].map(() => below(256)).join("."))!);
      const bytes = writeMmdb(networks, { recordSize, ipVersion });
      return { title: `records of ${recordSize} bits, IPv${ipVersion}`, bytes, addresses: [...known, ...random] };
    })
  );
}

/** As Python prints it: 64 bits and more as text. */
function plain(value: MmdbValue): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

async function run(program: string, args: string[], input = ""): Promise<{ code: number; out: string; err: string }> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test({
  ...withTools("mmdblookup finds in the tests' databases what our reader finds", "mmdblookup"),
  fn: async (t) => {
    const folder = await Deno.makeTempDir();
    try {
      for (const { title, bytes, addresses } of cases()) {
        await t.step(title, async () => {
          const path = join(folder, "country.mmdb");
          await Deno.writeFile(path, bytes);
          const reader = new MmdbReader(bytes);
          let found = 0;
          // One process for each: every tenth address.
          for (const address of addresses.filter((_, i) => i % 10 === 0)) {
            const args = ["--file", path, "--ip", formatIp(address), "country", "iso_code"];
            const { out } = await run("mmdblookup", args);
            const theirs = /"(\w\w)" <utf8_string>/.exec(out)?.[1] ?? null;
            const offset = reader.find(address);
            assert.equal(offset < 0 ? null : reader.text(offset, "country", "iso_code"), theirs, formatIp(address));
            if (theirs !== null) found++;
          }
          assert.ok(found > 20, String(found));
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const script = `
import json, sys, maxminddb
def plain(value):
    if isinstance(value, dict): return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list): return [plain(part) for part in value]
    return value
reader = maxminddb.open_database(sys.argv[1], int(sys.argv[2]))
for line in sys.stdin: print(json.dumps(plain(reader.get(line.strip()))))
`;
/** Of the module's modes: its C extension, and its own code. */
const modes = { extension: 1, python: 4 };

/** The distribution's package belongs to the distribution's Python, which needn't be the first in the path. */
function pythonWithReader(): string | null {
  for (const python of ["/usr/bin/python3", "python3"]) {
    try {
      if (new Deno.Command(python, { args: ["-c", "import maxminddb"] }).outputSync().success) return python;
    } catch {
      // Not there.
    }
  }
  return null;
}

const python = pythonWithReader();
const decodes = "Python's maxminddb decodes the tests' databases as our reader does";

Deno.test({
  ...(python === null ? withTools(decodes, "python3-maxminddb") : { name: decodes }),
  fn: async (t) => {
    assert.ok(python, "no Python has the module maxminddb: install python3-maxminddb");
    const folder = await Deno.makeTempDir();
    try {
      for (const { title, bytes, addresses } of cases()) {
        for (const [name, mode] of Object.entries(modes)) {
          await t.step(`${title}, ${name}`, async () => {
            const path = join(folder, "country.mmdb");
            await Deno.writeFile(path, bytes);
            const { out, err } = await run(
              python,
              ["-c", script, path, String(mode)],
              addresses.map((address) => `${formatIp(address)}\n`).join(""),
            );
            assert.equal(err, "");
            const theirs = out.trimEnd().split("\n");
            assert.equal(theirs.length, addresses.length);
            const reader = new MmdbReader(bytes);
            addresses.forEach((address, i) => {
              const offset = reader.find(address);
              const ours = offset < 0 ? null : plain(reader.decode(offset));
              // JSON.parse would round numbers of 64 bits and more.
              const read = JSON.parse(theirs[i]!.replaceAll(/(?<=[ [])\d{17,}/g, '"$&"'));
              assert.deepEqual(ours, read, formatIp(address));
            });
          });
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
