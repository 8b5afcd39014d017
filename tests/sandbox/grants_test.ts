/**
 * Every program runs its story with exactly the grants that are derived for it: it asks for nothing else, it uses
 * each, and without any one of them the story does not come about.
 */
import { match, notEqual } from "node:assert/strict";
import { join } from "node:path";
import { SandboxBench, type Subject } from "./bench.ts";
import { tryGrants } from "./grant_trial.ts";
import type { StartedProgram } from "./started_program.ts";
import { stories } from "./stories.ts";

let bench: SandboxBench;

Deno.test.beforeAll(async () => {
  bench = await SandboxBench.make();
  await using _mcias = await bench.serving("mcias");
  await bench.logIn();
});

Deno.test.afterAll(() => bench[Symbol.dispose]());

/** What runs beside a story, all stopped at its end. */
async function around(subject: Subject): Promise<AsyncDisposableStack> {
  await using stack = new AsyncDisposableStack();
  const neighbours = subject === "mcpagent"
    ? ["mcias", "metacrypt", "mcns", "mcr"] as const
    : stories[subject].needsMcias
    ? ["mcias"] as const
    : [];
  const started = neighbours.map((service) => bench.start(service));
  for (const program of started) stack.use(program);
  await Promise.all(started.map((program: StartedProgram) => program.until(/ ready service=/)));
  return stack.move();
}

for (const subject of ["mcias", "metacrypt", "mcns", "mcproxy", "mcr", "hello", "mcpagent"] as const) {
  Deno.test(`${subject} asks for nothing that isn't granted, uses every grant, and can do without none`, async (t) => {
    await using _neighbours = await around(subject);
    const { run, spare = {} } = stories[subject];
    await tryGrants(t, {
      grants: bench.grants(subject),
      spare,
      audit: bench.scratch(`${subject}.audit`),
      run: (options) => run(bench, options),
      shown: bench.shown,
    });
  });
}

for (const subject of ["mcias", "metacrypt", "mcns", "mcproxy", "mcr", "mcpagent"] as const) {
  Deno.test(`${subject} doesn't start when its data folder holds a symbolic link`, async () => {
    const link = join(bench.layout.srv(subject, "data"), "way-out");
    Deno.symlinkSync(bench.layout.pki.rootKey, link);
    try {
      await using program = bench.start(subject);
      notEqual(await program.status(), 0);
      match(program.output, /way-out is a symbolic link: it could lead out of the sandbox/);
    } finally {
      Deno.removeSync(link);
    }
  });
}
