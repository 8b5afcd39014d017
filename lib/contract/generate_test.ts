import assert from "node:assert/strict";
import { differences, parseArguments } from "./generate.ts";

Deno.test("differences names missing, stale and orphaned generated files and nothing else", async () => {
  const folder = await Deno.makeTempDir();
  const write = async (path: string, text: string) => {
    await Deno.mkdir(`${folder}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}`, text);
  };
  await write("expected/a/v1/a_pb.ts", "1");
  await write("expected/b/v1/b_pb.ts", "1");
  await write("expected/c/v1/c_pb.ts", "1");
  await write("actual/a/v1/a_pb.ts", "1");
  await write("actual/a/v1/a.proto", "not generated");
  await write("actual/b/v1/b_pb.ts", "2");
  await write("actual/d/v1/d_pb.ts", "1");
  assert.deepEqual(await differences(`${folder}/expected`, `${folder}/actual`), [
    "b/v1/b_pb.ts: not current",
    "c/v1/c_pb.ts: missing",
    "d/v1/d_pb.ts: has no .proto any more",
  ]);
  assert.deepEqual(await differences(`${folder}/actual`, `${folder}/actual`), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("parseArguments takes what the usage says", () => {
  assert.deepEqual(parseArguments([]), { check: false, against: null });
  assert.deepEqual(parseArguments(["--check", "--against", "main"]), { check: true, against: "main" });
  assert.throws(() => parseArguments(["--against"]), /usage/);
  assert.throws(() => parseArguments(["--chek"]), /usage/);
});
