/** A story held against its grants: with all of them, and without each. */
import { deepEqual, notEqual } from "node:assert/strict";
import { covers, type Grant } from "@lib/sandbox/mod.ts";
import { nameOf, notGranted, readAudit, unused } from "./audit.ts";
import type { StartOptions } from "./bench.ts";

export interface Trial {
  grants: readonly Grant[];
  /** Grants that nothing is asked of, with the reason. */
  spare?: Readonly<Record<string, string>>;
  /** A file for the runtime's log. */
  audit: string;
  /** Throws when something in the story does not come about. */
  run(options: StartOptions): Promise<void>;
  /** A grant's name as it is shown. Default as it is. */
  shown?(name: string): string;
}

/** The story asks for nothing that isn't granted, uses every grant, and fails without any one of them. */
export async function tryGrants(t: Deno.TestContext, trial: Trial): Promise<void> {
  const { grants, spare = {}, audit, run, shown = (name) => name } = trial;
  await run({ audit });
  const asks = readAudit(audit);
  notEqual(asks.length, 0);
  await t.step("asks for nothing that isn't granted", () => deepEqual(notGranted(asks, grants), []));
  await t.step("uses every grant", () => deepEqual(unused(asks, grants), Object.keys(spare)));
  for (const grant of grants.filter((one) => spare[nameOf(one)] === undefined)) {
    await t.step(`can't do without ${shown(nameOf(grant))}`, async () => {
      deepEqual(await runWithout(trial, grant), { fails: true, asked: true }, grant.reason);
    });
  }
}

/** Whether the story fails without a grant, and whether the program asked for what was taken away. */
async function runWithout(trial: Trial, without: Grant): Promise<{ fails: boolean; asked: boolean }> {
  const audit = `${trial.audit}.without`;
  try {
    Deno.removeSync(audit);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  let fails = false;
  try {
    await trial.run({ without, audit });
  } catch {
    fails = true;
  }
  // Starting programs is not in the runtime's log.
  return { fails, asked: without.kind === "run" || readAudit(audit).some((ask) => covers(without, ask)) };
}
