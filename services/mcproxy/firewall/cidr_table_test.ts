import assert from "node:assert/strict";
import { seeded } from "@lib/testing/mod.ts";
import { type Cidr, lastWords, parseCidr } from "../domain/cidr.ts";
import { formatIp, type IpAddress, parseIp } from "../domain/ip_address.ts";
import { CidrTable, hasOwner } from "./cidr_table.ts";

function tableOf(...rules: string[][]): CidrTable {
  return new CidrTable(rules.map((texts) => texts.map((text) => parseCidr(text))));
}

function byOwner(cidrs: readonly { cidr: Cidr; owner: number }[], owners: number): Cidr[][] {
  return Array.from({ length: owners }, (_, n) => cidrs.filter(({ owner }) => owner === n).map(({ cidr }) => cidr));
}

function ownersOf(table: CidrTable, address: IpAddress, owners: number): number[] {
  const set = table.find(address);
  return Array.from({ length: owners }, (_, owner) => owner).filter((owner) => hasOwner(set, owner));
}

Deno.test("CidrTable.find gives every rule whose networks hold the address", () => {
  const table = tableOf(
    ["10.0.0.0/8", "2001:db8::/32"],
    ["10.1.0.0/16", "10.1.255.255"],
    ["0.0.0.0/0"],
    ["::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["255.255.255.255", "10.0.0.0/8", "192.0.2.0/25", "192.0.2.128/25"],
    [],
  );
  const rows: [address: string, owners: number[]][] = [
    ["10.0.0.0", [0, 2, 4]],
    ["10.1.0.0", [0, 1, 2, 4]],
    ["10.1.255.255", [0, 1, 2, 4]],
    ["10.2.0.0", [0, 2, 4]],
    ["10.255.255.255", [0, 2, 4]],
    ["9.255.255.255", [2]],
    ["11.0.0.0", [2]],
    ["0.0.0.0", [2]],
    ["255.255.255.255", [2, 4]],
    ["255.255.255.254", [2]],
    ["192.0.2.127", [2, 4]],
    ["192.0.2.128", [2, 4]],
    ["192.0.3.0", [2]],
    ["::ffff:10.1.2.3", [0, 1, 2, 4]],
    // IPv4 isn't a part of IPv6 here.
    ["::", [3]],
    ["2001:db8::", [0, 3]],
    ["2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", [0, 3]],
    ["2001:db9::", [3]],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", [3]],
  ];
  for (const [text, owners] of rows) assert.deepEqual(ownersOf(table, parseIp(text)!, 6), owners, text);
});

Deno.test("CidrTable without networks holds nothing", () => {
  assert.deepEqual(ownersOf(tableOf([], []), parseIp("10.0.0.1")!, 2), []);
  assert.deepEqual(ownersOf(new CidrTable([]), parseIp("::1")!, 0), []);
});

function holds({ first, bits }: Cidr, address: IpAddress): boolean {
  const last = lastWords({ first, bits });
  const number = (words: readonly number[]) => words.reduce((sum, word) => sum << 32n | BigInt(word), 0n);
  return first.family === address.family && number(first.words) <= number(address.words) &&
    number(address.words) <= number(last);
}

Deno.test("CidrTable.find agrees with comparing one by one, for 40 random sets of rules", () => {
  const below = seeded(7);
  for (let round = 0; round < 40; round++) {
    // Few bits vary, so that networks meet.
    const randomWords = (): IpAddress["words"] => [0x20010db8, below(4) << 30 >>> 0, 0, below(16)];
    const random = (): IpAddress => {
      if (below(2) === 0) return { family: 6, words: randomWords() };
      return { family: 4, words: [0, 0, 0, (below(16) << 28 | below(4) << 12 | below(4)) >>> 0] };
    };
    const owners = 1 + below(40);
    const cidrs = Array.from({ length: below(60) }, () => {
      const address = random();
      const most = address.family === 4 ? 32 : 128;
      const text = formatIp(address);
      const bits = below(most + 1);
      for (let fewer = bits;; fewer++) {
        try {
          return { cidr: parseCidr(`${text}/${fewer}`), owner: below(owners) };
        } catch {
          // Bits set behind the prefix: a longer one.
        }
      }
    });
    const table = new CidrTable(byOwner(cidrs, owners));
    const edges = cidrs.flatMap(({ cidr }) => {
      const { family } = cidr.first;
      return [cidr.first, { family, words: lastWords(cidr) }];
    });
    for (const address of [...edges, ...Array.from({ length: 200 }, random)]) {
      const expected = new Set(cidrs.filter(({ cidr }) => holds(cidr, address)).map(({ owner }) => owner));
      assert.deepEqual(ownersOf(table, address, owners), [...expected].toSorted((a, b) => a - b), formatIp(address));
    }
  }
});

Deno.test("CidrTable.find looks at few of 100,000 networks", () => {
  const below = seeded(3);
  const cidrs = Array.from({ length: 100_000 }, (_, i) => {
    const bits = 16 + below(17);
    const number = bits === 32 ? below(2 ** 32) : Math.floor(below(2 ** 32) / 2 ** (32 - bits)) * 2 ** (32 - bits);
    const cidr: Cidr = i % 4 === 0
      ? { first: { family: 6, words: [0x20010000 + below(65536), below(2 ** 32), 0, 0] }, bits: 64 }
      : { first: { family: 4, words: [0, 0, 0, number] }, bits };
    return { cidr, owner: i % 50 };
  });
  const table = new CidrTable(byOwner(cidrs, 50));
  const addresses = Array.from({ length: 10_000 }, (_, i): IpAddress => {
    if (i % 4 === 0) return { family: 6, words: [0x20010000 + below(65536), below(2 ** 32), 1, 2] };
    return { family: 4, words: [0, 0, 0, below(2 ** 32)] };
  });
  let best = Infinity;
  let found = 0;
  for (let round = 0; round < 20; round++) {
    const before = performance.now();
    for (const address of addresses) found += table.find(address)[0]!;
    best = Math.min(best, (performance.now() - before) / addresses.length * 1000);
  }
  assert.ok(found !== 0);
  // Some 0.2 µs by bisection; a walk over all would be a hundred and more.
  assert.ok(best < 30, `${best} µs`);
});
