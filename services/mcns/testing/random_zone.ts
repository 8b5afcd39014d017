/** Random changes of a zone's names, the same for the same seed: for tests that compare two ways to the same end. */
import { seeded } from "@lib/testing/mod.ts";

/** Numbers from 0 to before 1. */
export function randomFrom(seed: number): () => number {
  const pick = seeded(seed);
  return () => pick(2 ** 32) / 2 ** 32;
}

/** Few labels at few depths, so that names come, go, hide each other and stand empty again and again. */
const labels = ["a", "b", "c", "*", "zz"];
const contents: ((name: string) => string[])[] = [
  (name) => [`${name} A 192.0.2.1`],
  (name) => [`${name} A 192.0.2.1`, `${name} AAAA 2001:db8::1`, `${name} MX 10 a`],
  (name) => [`${name} 60 TXT "x"`],
  (name) => [`${name} CNAME a`],
  (name) => [`${name} NS ns.elsewhere.net.`],
  (name) => [`${name} NS a.${name}`, `${name} DS 1 15 2 ${"AB".repeat(32)}`],
  (name) => [`${name} DNAME elsewhere.net.`],
];

/** Lines for `SignedZone.put`: one to three names, each with other records or gone. */
export function randomChange(random: () => number): string[] {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const names = new Set<string>();
  for (let i = 0; i <= random() * 3; i++) {
    const name = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, i) => {
      const label = pick(labels);
      return label === "*" && i > 0 ? "b" : label;
    });
    names.add(name.join("."));
  }
  return [...names].flatMap((name) => {
    // Wildcards with NS or DNAME have no defined meaning (RFC 4592 §4.2, RFC 6672 §3.3).
    if (random() < 0.4) return [name];
    return (name.startsWith("*") ? contents[Math.floor(random() * 4)]! : pick(contents))(name);
  });
}
