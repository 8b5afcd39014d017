/**
 * Every program runs its story with exactly the grants that are derived for it: it asks for nothing else, it uses
 * each, and without any one of them the story does not come about.
 */
import { deepEqual, match, notEqual } from "node:assert/strict";
import { join } from "node:path";
import { covers, type Grant } from "@lib/sandbox/mod.ts";
import { nameOf, notGranted, readAudit, unused } from "./audit.ts";
import { SandboxBench, type Subject } from "./bench.ts";
import type { StartedProgram } from "./started_program.ts";
import { stories } from "./stories.ts";

let bench: SandboxBench;

Deno.test.beforeAll(async () => {
  bench = await SandboxBench.make();
  await using _mcias = await bench.serving("mcias");
  const password = Deno.readTextFileSync(bench.layout.adminPassword).trim();
  const login = await bench.rest("mcias", "POST /v1/auth/login", { username: "admin", password });
  bench.token = String(JSON.parse(login).token);
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

/** How the story fails without a grant, and whether the program asked for what was taken away. */
async function storyWithout(subject: Subject, without: Grant): Promise<{ fails: boolean; asked: boolean }> {
  const audit = bench.scratch(`${subject}.without.audit`);
  try {
    Deno.removeSync(audit);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  let fails = false;
  try {
    await stories[subject].run(bench, { without, audit });
  } catch {
    fails = true;
  }
  // Starting programs is not in the runtime's log.
  return { fails, asked: without.kind === "run" || readAudit(audit).some((ask) => covers(without, ask)) };
}

for (const subject of ["mcias", "metacrypt", "mcns", "mcproxy", "mcr", "hello", "mcpagent"] as const) {
  Deno.test(`${subject} asks for nothing that isn't granted, uses every grant, and can do without none`, async (t) => {
    await using _neighbours = await around(subject);
    const { run, spare = {} } = stories[subject];
    const grants = bench.grants(subject);
    const audit = bench.scratch(`${subject}.audit`);
    await run(bench, { audit });
    const asks = readAudit(audit);
    notEqual(asks.length, 0);
    await t.step("asks for nothing that isn't granted", () => deepEqual(notGranted(asks, grants), []));
    await t.step("uses every grant", () => deepEqual(unused(asks, grants), Object.keys(spare)));
    for (const grant of grants.filter((one) => spare[nameOf(one)] === undefined)) {
      await t.step(`can't do without ${nameOf(grant).replaceAll(bench.layout.data, "<data>")}`, async () => {
        deepEqual(await storyWithout(subject, grant), { fails: true, asked: true }, grant.reason);
      });
    }
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
