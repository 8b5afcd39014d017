/**
 * RFC 7541: field blocks that must not be taken, each as a whole request in octets.
 * @module
 */
import { block, frame, headers, hex, join, settings } from "../raw_frames.ts";
import { get, type ServerCase } from "./server_case.ts";

const request = block(...get);
const answered = ["HEADERS 1 200", "DATA 1 5 END"];

function broken(section: string, title: string, block: Uint8Array): ServerCase {
  return {
    section: `RFC 7541 §${section}`,
    title,
    send: [headers(1, block, { end: true })],
    expect: { goAway: "COMPRESSION_ERROR" },
  };
}

function taken(section: string, title: string, block: Uint8Array): ServerCase {
  return {
    section: `RFC 7541 §${section}`,
    title,
    send: [headers(1, block, { end: true })],
    expect: { lines: answered },
  };
}

export const compression: ServerCase[] = [
  broken("2.3.3", "an index above both tables", join(request, hex("be"))),
  broken("2.3.3", "a name's index above both tables", join(request, hex("7f 20 01 31"))),
  broken("2.3.3", "a large index", join(request, hex("ff 80 80 80 08"))),
  broken("4.2", "a size update after a field", join(request, hex("20"))),
  broken("4.2", "three size updates", join(hex("20 20 20"), request)),
  taken("4.2", "a size update to 0 and back to 4096", join(hex("20 3f e1 1f"), request)),
  broken("5.1", "an integer that doesn't end", hex("ff ff ff ff ff ff ff ff ff ff ff 7f")),
  broken("5.1", "an integer that is cut", hex("ff")),
  broken("5.2", "a string longer than the block", join(request, hex("00 01 78 05 61"))),
  broken("5.2", "a name that is cut", join(request, hex("00 05 78"))),
  broken("5.2", "Huffman padding of eight bits", join(request, hex("00 01 78 82 1f ff"))),
  broken("5.2", "Huffman padding that isn't ones", join(request, hex("00 01 78 81 18"))),
  broken("5.2", "Huffman with EOS", join(request, hex("00 01 78 84 ff ff ff ff"))),
  taken("5.2", "Huffman with right padding", join(request, hex("00 01 78 81 1f"))),
  broken("6.1", "index 0", join(request, hex("80"))),
  broken("6.3", "a size above what was announced", join(hex("3f e2 1f"), request)),
  taken("6.3", "the size that was announced", join(hex("3f e1 1f"), request)),
  taken("6.2.3", "a field that is never indexed", join(request, hex("10 01 78 01 61"))),
  {
    section: "RFC 7541 §2.3.2",
    title: "an entry of one request used by the next",
    send: [
      headers(1, join(request, hex("40 01 78 01 61")), { end: true }),
      headers(3, join(request, hex("be")), { end: true }),
    ],
    expect: { lines: ["DATA 1 5 END", "DATA 3 5 END"] },
  },
  {
    section: "RFC 7541 §4.2",
    title: "our encoder obeys a table of size 0",
    send: [
      settings([1, 0]),
      headers(1, request, { end: true }),
      headers(3, request, { end: true }),
    ],
    expect: { lines: ["DATA 1 5 END", "DATA 3 5 END"] },
  },
  {
    section: "RFC 7541 §4.1",
    title: "an entry larger than the table empties it",
    send: [
      headers(1, join(request, hex("40 01 78 01 61 20").subarray(0, 5)), { end: true }),
      headers(3, join(hex("20"), request), { end: true }),
      headers(5, join(request, hex("be")), { end: true }),
    ],
    expect: { goAway: "COMPRESSION_ERROR", and: ["DATA 3 5 END"] },
  },
  {
    section: "RFC 7541 §5.2",
    title: "a HEADERS frame that ends within a string, with END_HEADERS",
    send: [frame(1, 5, 1, request.subarray(0, 5))],
    expect: { goAway: "COMPRESSION_ERROR" },
  },
];
