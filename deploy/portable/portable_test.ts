import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

async function run(command: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("a portable build runs by its own launcher, in the sandbox of its config", async () => {
  const made = await run(Deno.execPath(), "task", "--quiet", "compile", "mcias");
  assert.equal(made.code, 0, made.err);
  const program = /^mcias: (\S+) server --config FILE$/m.exec(made.out)?.[1];
  assert(program !== undefined, made.out);
  const folder = Deno.makeTempDirSync();
  try {
    const config = join(folder, "mcias.toml");
    Deno.writeTextFileSync(config, '[server]\ndata_dir = "data"\n[keys]\nmaster_key_file = "data/master.key"\n');
    Deno.mkdirSync(join(folder, "data"));
    assert.match((await run(program, "version")).out, /^mcias \d/);
    const init = await run(program, "init", "--config", config);
    assert.equal(init.code, 0, init.err);
    assert(Deno.statSync(join(folder, "data", "master.key")).isFile);
    // The launcher grants the folders that the config names and no other.
    const outside = await run(program, "init", "--config", config, "--write-password", join(root, "dist", "password"));
    assert.notEqual(outside.code, 0);
    const typo = await run(program, "server", "--config", join(folder, "mcais.toml"));
    assert.equal(typo.code, 2);
    assert.match(typo.err, /names a config file that can't be read/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
