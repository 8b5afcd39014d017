import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const sample = fileURLToPath(new URL("./testing/sample.ts", import.meta.url));

async function withConfig(toml: string, work: (folder: string, config: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    const config = join(folder, "sample.toml");
    Deno.writeTextFileSync(config, toml);
    await work(folder, config);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function spawn(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", sample, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(child: Deno.ChildProcess): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

// Arguments after the program, "CONFIG" stands for the file; exit code; what stdout or stderr says.
const sessions: [toml: string, args: string[], code: number, says: RegExp][] = [
  [
    "",
    ["help"],
    0,
    /Usage:\n {2}sample server --config FILE[^]*sample count words --config FILE \[--text TEXT\] \[--also TEXT\]…/,
  ],
  ["", ["version"], 0, /^sample \d+\.\d+\.\d+\n$/],
  ["", ["srever", "--config", "CONFIG"], 2, /"srever" is not one of server, .*\n {2}Did you mean "server"\?/],
  ["", ["server", "--cofnig", "CONFIG"], 2, /unknown argument "--cofnig"\n {2}Did you mean "--config"\?/],
  ["", ["server", "--config"], 2, /--config: must be given a value \(FILE\)/],
  ["", ["server", "--config", "/nowhere.toml"], 2, /--config: no file "\/nowhere\.toml"/],
  [
    "[sample]\nfial = 1\n",
    ["server", "--config", "CONFIG"],
    2,
    /sample\.toml:2: unknown key "sample\.fial"\n {2}Did you mean "fail"\?/,
  ],
  ["[sample]\nfail = 1\n", ["server", "--config", "CONFIG"], 1, /told to fail/],
  ["", ["server", "--config", "CONFIG", "--print-config"], 0, /# 1: starting fails \(default\)\nfail = 0\n/],
  ["", ["count", "words", "--config", "CONFIG", "--text", "a b c"], 0, /^3\n$/],
  ["", ["count", "words", "--config", "CONFIG", "--also", "a b", "--text", "c", "--also=d"], 0, /^4\n$/],
  ["", ["snapshot", "--config", "CONFIG"], 2, /--out: must name the file to write/],
];
for (const [toml, args, code, says] of sessions) {
  Deno.test(`sample ${args.join(" ")}${toml === "" ? "" : ` with ${JSON.stringify(toml)}`} ends ${code}`, () =>
    withConfig(toml, async (_, config) => {
      const { code: got, out, err } = await ended(spawn(args.map((word) => word === "CONFIG" ? config : word)));
      assert.equal(got, code, err);
      assert.match(code === 0 ? out : err, says);
    }));
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`a program drains and ends 0 at ${signal}, and its database can be copied meanwhile`, () =>
    withConfig("", async (folder, config) => {
      const child = spawn(["server", "--config", config]);
      let err = "";
      const reader = child.stderr.getReader();
      const read = async () => {
        const { value, done } = await reader.read();
        err += new TextDecoder().decode(value);
        return done;
      };
      while (!err.includes(" ready ")) if (await read()) throw new Error(`ended early: ${err}`);
      const copy = join(folder, "copy.db");
      const snapshot = await ended(spawn(["snapshot", "--config", config, "--out", copy]));
      assert.equal(snapshot.code, 0, snapshot.err);
      assert.equal(Deno.statSync(copy).mode! & 0o777, 0o600);
      child.kill(signal);
      while (!await read());
      assert.equal((await child.status).code, 0);
      await child.stdout.cancel();
      assert.match(err, new RegExp(`INFO  draining reason=${signal}\n[^]*INFO  let go\n[^]*INFO  stopped\n$`));
    }));
}

Deno.test("a program refuses to start with a symbolic link in a folder that it may write", () =>
  withConfig('[sample]\ndatabase = "data"\n', async (folder, config) => {
    Deno.mkdirSync(join(folder, "data"));
    Deno.symlinkSync("/etc", join(folder, "data", "out"));
    const { code, err } = await ended(spawn(["server", "--config", config]));
    assert.equal(code, 1);
    assert.match(err, /data\/out is a symbolic link: it could lead out of the sandbox/);
  }));
