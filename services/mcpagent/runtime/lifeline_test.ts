import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { lifelineSource } from "./lifeline.ts";

/** A program started by a program that is then killed, as an agent may be. */
async function orphan(program: string): Promise<{ output: string; endedAfterMs: number; folder: string }> {
  const folder = Deno.makeTempDirSync();
  const entry = join(folder, "main.js");
  const preload = join(folder, "lifeline.js");
  Deno.writeTextFileSync(entry, program);
  Deno.writeTextFileSync(preload, lifelineSource([join(folder, "data", "hello")]));
  // The child writes to a file, which outlives its parent.
  const args = ["run", "--quiet", "--no-config", `--allow-write=${folder}`, `--preload=${preload}`, entry];
  Deno.writeTextFileSync(
    join(folder, "agent.js"),
    `const child = new Deno.Command(Deno.execPath(), { args: ${JSON.stringify(args)}, stdin: "piped", cwd: ${
      JSON.stringify(folder)
    } }).spawn(); console.log("ready"); await child.status;`,
  );
  const agent = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--allow-run", "--allow-read", join(folder, "agent.js")],
    env: { DENO_DIR: join(folder, "cache"), NO_COLOR: "1" },
    stdout: "piped",
  }).spawn();
  const log = join(folder, "log");
  const read = () => {
    try {
      return Deno.readTextFileSync(log);
    } catch {
      return "";
    }
  };
  while (!read().includes("up")) await new Promise((resolve) => setTimeout(resolve, 20));
  const since = performance.now();
  agent.kill("SIGKILL");
  // Ends when the last holder of the pipe, the orphan, has ended.
  await Promise.all([agent.status, agent.stdout.pipeTo(new WritableStream())]);
  return { output: read(), endedAfterMs: performance.now() - since, folder };
}

const say = (text: string) => `Deno.writeTextFileSync("log", ${JSON.stringify(text)}, { append: true });`;

Deno.test("the lifeline ends a program whose agent was killed", async () => {
  const { output, endedAfterMs, folder } = await orphan(`${say("up\n")} setInterval(() => {}, 60_000);`);
  equal(output, "up\n");
  ok(endedAfterMs < 4_000, `${endedAfterMs} ms`);
  ok(Deno.statSync(join(folder, "data", "hello")).isDirectory, "the folder that it may write is there");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the lifeline lets a program drain that takes charge of metacircular:stop", async () => {
  const { output, endedAfterMs, folder } = await orphan(
    `addEventListener("metacircular:stop", (event) => {
       event.preventDefault();
       setTimeout(() => { ${say("drained\n")} Deno.exit(0); }, 1_000);
     });
     ${say("up\n")} setInterval(() => {}, 60_000);`,
  );
  match(output, /^up\ndrained\n$/);
  ok(endedAfterMs >= 900, `${endedAfterMs} ms`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the lifeline does not keep a program running that has nothing left to do", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, "main.js"), `console.log("done");`);
  Deno.writeTextFileSync(join(folder, "lifeline.js"), lifelineSource([]));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", `--preload=${join(folder, "lifeline.js")}`, join(folder, "main.js")],
    env: { DENO_DIR: join(folder, "cache") },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = await new Response(child.stdout).text();
  const { code } = await child.status;
  await child.stdin.close();
  equal(output, "done\n");
  equal(code, 0);
  await Deno.remove(folder, { recursive: true });
});
