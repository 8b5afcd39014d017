import { deepEqual, equal, rejects } from "node:assert/strict";
import { conflict } from "@lib/errors/mod.ts";
import { type StepReport, type Steps, stepStream } from "./steps.ts";

const brief = ({ step, state, detail, errorCode }: StepReport) => [step, state, detail, errorCode].join(" ").trim();

async function all(change: (steps: Steps) => Promise<string>): Promise<string[]> {
  return (await Array.fromAsync(stepStream(change, () => {}))).map(brief);
}

Deno.test("stepStream yields the steps and what came of them", async () => {
  deepEqual(
    await all(async (steps) => {
      const port = await steps.run("port", "route main", () => Promise.resolve(1), (one) => `got ${one}`);
      await steps.run("certificate", "x", () => Promise.resolve(), () => null);
      return `done with ${port}`;
    }),
    [
      "port started route main",
      "port ok got 1",
      "certificate started x",
      "certificate skipped x",
      "done ok done with 1",
    ],
  );
});

Deno.test("stepStream ends a failed change with the error's code, message and hint", async () => {
  deepEqual(
    await all((steps) =>
      steps.run("route", "r", () => Promise.reject(conflict("Taken", { hint: "Take another" })), String)
    ),
    ["route started r", "route failed Taken. Take another", "done failed Taken. Take another conflict"],
  );
});

Deno.test("stepStream shows nothing of an unexpected error, and hands it to the log", async () => {
  const logged: unknown[] = [];
  const reports = await Array.fromAsync(stepStream((steps) => {
    steps.report("start", "started");
    return Promise.reject(new TypeError("x is undefined"));
  }, (error) => logged.push(error)));
  equal(brief(reports.at(-1)!), "done failed internal error; the agent's log has the details internal");
  equal(String(logged[0]), "TypeError: x is undefined");
});

Deno.test("stepStream throws what was refused before the first step", async () => {
  await rejects(all(() => Promise.reject(conflict("Busy"))), { code: "conflict", message: "Busy" });
});

Deno.test("stepStream: a change goes on when its reader hangs up", async () => {
  const rest = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<string>();
  const reports = stepStream(async (steps) => {
    steps.report("pull", "ok");
    await rest.promise;
    steps.report("start", "ok");
    finished.resolve("finished");
    return "";
  }, () => {});
  for await (const report of reports) {
    equal(report.step, "pull");
    break;
  }
  rest.resolve();
  equal(await finished.promise, "finished");
});
