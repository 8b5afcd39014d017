import assert from "node:assert/strict";
import { parseChunkRange } from "./byte_range.ts";
import { isDigest, parseDigest } from "./digest.ts";
import { nestsDeeperThan } from "./json_depth.ts";
import { parseManifest } from "./manifest.ts";
import { parseReference } from "./reference.ts";
import { parseRepositoryName } from "./repository_name.ts";
import { covers, formatScope, parseScopes } from "./scope.ts";

Deno.test("parseRepositoryName takes the specification's names and no others", () => {
  const good = ["a", "a/b", "a1/b2/c3", "a.b", "a_b", "a__b", "a-b", "a--b", "a---b/c", "0", `${"a".repeat(255)}`];
  for (const name of good) assert.equal(parseRepositoryName(name), name);
  const bad = [
    ...[
      "",
      "/",
      "a/",
      "/a",
      "a//b",
      "A",
      "a.B",
      "a..b",
      "..",
      "a/../b",
      "a/.",
      "a._b",
      "a___b",
      "a-",
      "-a",
      "_a",
      ".a",
    ],
    ...["a b", "a\n", "a\0", "ä", "a:b", "a@b", "a%2fb", "a".repeat(256)],
  ];
  for (const name of bad) {
    assert.throws(() => parseRepositoryName(name), { registryCode: "NAME_INVALID", status: 400 }, JSON.stringify(name));
  }
});

Deno.test("parseDigest takes sha256 and sha512 in lower-case hexadecimal of their lengths", () => {
  const hex = "0123456789abcdef".repeat(4);
  for (const digest of [`sha256:${hex}`, `sha512:${hex}${hex}`]) assert.equal(parseDigest(digest), digest);
  const bad = [
    ...["", "sha256", "sha256:", hex, `sha256:${hex}0`, `sha256:${hex.slice(1)}`, `sha256:${hex.toUpperCase()}`],
    ...[
      `sha512:${hex}`,
      `sha384:${hex}${hex.slice(32)}`,
      `SHA256:${hex}`,
      `sha256:${hex}:`,
      `sha256:${hex}\n`,
      `md5:${hex.slice(32)}`,
    ],
    `sha256:../../${hex.slice(6)}`,
  ];
  for (const digest of bad) {
    assert.equal(isDigest(digest), false);
    assert.throws(() => parseDigest(digest), { registryCode: "DIGEST_INVALID", status: 400 });
  }
});

Deno.test("parseReference tells tags from digests", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  assert.deepEqual(parseReference(digest), { digest });
  for (const tag of ["v1", "V1.0", "_x", "1", "a-b_c.d", "x".repeat(128)]) {
    assert.deepEqual(parseReference(tag), { tag });
  }
  for (const bad of ["", ".x", "-x", "a/b", "a:b", "a b", "ä", "x".repeat(129), "v1\n", "sha256:x"]) {
    assert.equal(parseReference(bad), null, bad);
  }
});

Deno.test("nestsDeeperThan counts brackets outside of strings", () => {
  const rows: [string, number, boolean][] = [
    ["{}", 1, false],
    ["{}", 0, true],
    ["[[[]]]", 2, true],
    ["[[],[]]", 2, false],
    ['"[[[["', 0, false],
    ['["\\"[[["]', 1, false],
    ['["\\\\",[]]', 1, true],
    ["[".repeat(1_000_000), 32, true],
    ["]]]]", 0, false],
    ['"open', 0, false],
  ];
  for (const [text, max, deeper] of rows) assert.equal(nestsDeeperThan(text, max), deeper, text.slice(0, 20));
});

Deno.test("parseScopes reads what clients send", () => {
  const repository = (name: string, ...actions: string[]) => ({ type: "repository", name, actions });
  const rows: [string[], unknown[]][] = [
    [["repository:a/b:pull,push"], [repository("a/b", "pull", "push")]],
    [["repository:a:push,pull repository:b:pull"], [repository("a", "push", "pull"), repository("b", "pull")]],
    [["repository:a:pull", "repository:b:*"], [repository("a", "pull"), repository("b", "*")]],
    [["repository:host:5000/a:pull"], [repository("host:5000/a", "pull")]],
    [["repository:a:pull,pull,"], [repository("a", "pull")]],
    [["", " "], []],
    [["nonsense", "a:b"], [{ type: "nonsense", name: "", actions: [] }, { type: "a:b", name: "", actions: [] }]],
  ];
  for (const [values, expected] of rows) assert.deepEqual(parseScopes(values), expected);
  assert.equal(parseScopes(["repository:a:pull ".repeat(1000)]).length, 64);
  assert.equal(formatScope(repository("a/b", "pull", "push")), "repository:a/b:pull,push");
});

Deno.test("covers wants every action on the very thing", () => {
  const granted = [{ type: "repository", name: "a", actions: ["pull"] }, {
    type: "repository",
    name: "b",
    actions: ["*"],
  }];
  const needed = (name: string, ...actions: string[]) => ({ type: "repository", name, actions });
  assert.equal(covers(granted, needed("a", "pull")), true);
  assert.equal(covers(granted, needed("a", "pull", "push")), false);
  assert.equal(covers(granted, needed("a/b", "pull")), false);
  // A star is never granted for a repository; one in a token would be worth nothing.
  assert.equal(covers(granted, needed("b", "pull")), false);
  assert.equal(covers(granted, { type: "registry", name: "a", actions: ["pull"] }), false);
});

Deno.test("parseChunkRange reads the specification's form and HTTP's", () => {
  for (const text of ["0-9", "bytes 0-9", "bytes=0-9", "bytes 0-9/100", "bytes 0-9/*", " 0-9 "]) {
    assert.deepEqual(parseChunkRange(text), { start: 0, end: 10 }, text);
  }
  assert.deepEqual(parseChunkRange("5-5"), { start: 5, end: 6 });
  for (const bad of ["", "9-0", "-9", "0-", "a-b", "0-9-10", "0–9", "0-99999999999999999999", "0x0-0x9"]) {
    assert.equal(parseChunkRange(bad), null, bad);
  }
});

Deno.test("parseManifest says what a manifest refers to", () => {
  const digest = (character: string) => `sha256:${character.repeat(64)}`;
  const descriptor = (character: string, more = {}) => ({
    mediaType: "a/b",
    digest: digest(character),
    size: 1,
    ...more,
  });
  const image = parseManifest(
    JSON.stringify({
      schemaVersion: 2,
      config: descriptor("1"),
      layers: [descriptor("2"), descriptor("3", { urls: ["https://example.org"] })],
      subject: descriptor("4"),
      annotations: { a: "b" },
    }),
    "application/vnd.oci.image.manifest.v1+json",
  );
  assert.deepEqual(image.blobs.map(({ digest, external }) => [digest[7], external]), [["1", false], ["2", false], [
    "3",
    true,
  ]]);
  assert.deepEqual([image.subject, image.artifactType, image.annotations], [digest("4"), "a/b", { a: "b" }]);

  const index = parseManifest(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [descriptor("5")],
      annotations: null,
    }),
    "",
  );
  assert.deepEqual([index.blobs, index.children.length, index.subject, index.artifactType], [[], 1, null, null]);
});
