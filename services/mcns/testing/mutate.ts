/**
 * A message with one to six changes from offset `from` on: octets set, bits flipped, cut off, doubled, pointers sown, octets
 * added, counts and flags changed.
 * @param pick gives whole numbers from 0 to before its argument
 */
export function mutate(packet: Uint8Array, pick: (below: number) => number, from = 0): Uint8Array<ArrayBuffer> {
  let octets = [...packet];
  for (let left = 1 + pick(6); left > 0; left--) {
    const at = from + pick(Math.max(1, octets.length - from));
    switch (pick(8)) {
      case 0:
        octets[at] = pick(256);
        break;
      case 1:
        octets[at] = (octets[at] ?? 0) ^ 1 << pick(8);
        break;
      case 2:
        octets = octets.slice(0, at);
        break;
      case 3:
        octets.splice(at, 0, ...octets.slice(at, at + pick(40)));
        break;
      case 4:
        octets.splice(at, 2, 0xc0 | pick(2), pick(256));
        break;
      case 5:
        octets.push(...Array.from({ length: pick(12) }, () => pick(256)));
        break;
      case 6:
        octets[6 + pick(6)] = pick(4);
        break;
      case 7:
        octets[3] = (octets[3] ?? 0) ^ 1 << pick(4);
        break;
    }
  }
  return Uint8Array.from(octets);
}
