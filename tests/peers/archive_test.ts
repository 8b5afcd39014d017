/** lib/archive and GNU tar read each other's archives. */
import assert from "node:assert/strict";
import { type ArchiveLimits, readTar, writeTar } from "@lib/archive/mod.ts";

const limits: ArchiveLimits = { maxEntries: 100, maxFileBytes: 1e7, maxTotalBytes: 1e7 };
const encoder = new TextEncoder();

Deno.test("GNU tar reads what writeTar writes, and readTar what GNU tar writes", async () => {
  const root = await Deno.makeTempDir();
  const tar = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command("tar", { args, cwd: root }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  };
  try {
    const long = `${"d".repeat(90)}/${"e".repeat(90)}`;
    const big = new Uint8Array(1_000_000).fill(0x61);
    const sources = [
      { path: long, size: 4, content: encoder.encode("deep"), mtimeMs: 1_700_000_000_250 },
      { path: "Größe", size: big.length, content: big },
    ];
    await Deno.writeFile(`${root}/ours.tar`, ReadableStream.from(writeTar(sources)));
    assert.equal(await tar("--quoting-style=literal", "-tf", "ours.tar"), `${long}\nGröße\n`);
    await Deno.mkdir(`${root}/out`);
    await tar("-xf", "ours.tar", "-C", "out");
    assert.equal(await Deno.readTextFile(`${root}/out/${long}`), "deep");
    assert.equal((await Deno.stat(`${root}/out/${long}`)).mtime?.getTime(), 1_700_000_000_250);
    assert.equal((await Deno.stat(`${root}/out/Größe`)).size, big.length);

    await Deno.mkdir(`${root}/src/sub`, { recursive: true });
    await Deno.writeTextFile(`${root}/src/sub/ä`, "theirs");
    for (const format of ["posix", "ustar"]) {
      await tar(`--format=${format}`, "-cf", "theirs.tar", "src");
      const found = new Map<string, string>();
      const bytes = (await Deno.open(`${root}/theirs.tar`)).readable;
      for await (const { path, kind, content } of readTar(bytes, limits)) {
        if (kind === "file") found.set(path, await new Response(ReadableStream.from(content)).text());
      }
      assert.deepEqual([...found], [["src/sub/ä", "theirs"]], format);
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
