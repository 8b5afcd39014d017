import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DomainName, maxNameOctets } from "../domain/name.ts";
import { cachedNsec3Hash, nsec3Hash } from "./nsec3_hash.ts";
import { sha1, sha1Octets } from "./sha1.ts";

Deno.test("sha1 gives what the runtime's does, for every length that a name and salt can have", () => {
  const data = new Uint8Array(640), out = new Uint8Array(sha1Octets);
  for (let length = 0; length <= maxNameOctets + 255; length++) {
    for (let i = 0; i < data.length; i++) data[i] = i * 31 + length;
    const want = createHash("sha1").update(data.subarray(0, length)).digest("hex");
    sha1(data, length, out);
    assert.equal(out.toHex(), want, `${length} octets`);
  }
});

Deno.test("nsec3Hash gives the hashed owners of RFC 5155 appendix A", () => {
  const parameters = { algorithm: 1, iterations: 12, salt: "\xaa\xbb\xcc\xdd" };
  const cached = cachedNsec3Hash();
  for (
    const [name, want] of [
      ["example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"],
      ["a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"],
      ["ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"],
      ["*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"],
      ["x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"],
    ] as const
  ) {
    const { key } = DomainName.parse(name, "name");
    assert.equal(nsec3Hash(key, parameters), "\x20" + want, name);
    for (let i = 0; i < 2; i++) assert.equal(cached(key, parameters), "\x20" + want, name);
    assert.notEqual(cached(key, { ...parameters, salt: "" }), "\x20" + want);
  }
});
