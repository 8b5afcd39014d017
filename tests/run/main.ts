/**
 * Runs the project's checks: `test` (everything hermetic), `ok` (format, lint, types, generated code, then `test`),
 * `peers` (real clients), `check` (`ok` without the tests). The last line says `N passed, N failed`.
 * @module
 */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Count {
  passed: number;
  failed: number;
}

interface Step {
  title: string;
  args: string[];
  env?: Record<string, string>;
  /** Its own tests count; any other step counts as one. */
  tests?: boolean;
}

const testFlags = ["test", "--allow-all", "--no-check", "--quiet"];
const units: Step = {
  title: "unit, rule and contract tests",
  // Two at once: the suites share two cores with the programs that they start.
  args: [...testFlags, "--parallel", "lib", "services", "cli", "deploy", "tests/rules", "tests/contract"],
  env: { DENO_JOBS: "2" },
  tests: true,
};
const stories: Step = {
  title: "stories, faults and sandboxes, on whole platforms",
  args: [...testFlags, "tests/stories", "tests/faults", "tests/sandbox"],
  tests: true,
};
const peers: Step = { title: "real clients", args: [...testFlags, "tests/peers"], tests: true };
const checks: Step[] = [
  { title: "format", args: ["fmt", "--check"] },
  { title: "lint", args: ["lint", "--quiet"] },
  { title: "types", args: ["check", "--quiet", "."] },
  {
    title: "generated code is current",
    args: ["run", "--quiet", "--allow-all", "lib/contract/generate.ts", "--check"],
  },
];

const plans: Record<string, Step[]> = {
  test: [units, stories],
  ok: [...checks, units, stories],
  check: checks,
  peers: [peers],
};

/** Runs one step, showing its output as it comes. */
async function take({ title, args, env = {}, tests = false }: Step): Promise<Count> {
  console.log(`\n── ${title}: deno ${args.join(" ")}`);
  const present = tests ? args.filter((word) => !/^tests\//.test(word) || exists(word)) : args;
  const child = new Deno.Command(Deno.execPath(), {
    args: present,
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    Deno.stdout.writeSync(bytes);
    tail = (tail + decoder.decode(bytes, { stream: true })).slice(-20_000);
  }
  const { success } = await child.status;
  if (!tests) return success ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  // "ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)"
  const summary = [...tail.matchAll(/(\d+) passed(?: \([^)]*\))? \| (\d+) failed/g)].at(-1);
  const count = { passed: Number(summary?.[1] ?? 0), failed: Number(summary?.[2] ?? 0) };
  // A run that ended badly without naming a failed test (a leak, a crash, no test at all) has failed all the same.
  if ((!success && count.failed === 0) || count.passed + count.failed === 0) count.failed++;
  return count;
}

function exists(path: string): boolean {
  try {
    return [...Deno.readDirSync(`${root}/${path}`)].length > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const [plan = "test"] = Deno.args;
const steps = plans[plan];
if (steps === undefined) {
  console.error(`no such plan: ${JSON.stringify(plan)}; known: ${Object.keys(plans).join(", ")}`);
  Deno.exit(2);
}
const total: Count = { passed: 0, failed: 0 };
for (const step of steps) {
  const { passed, failed } = await take(step);
  total.passed += passed;
  total.failed += failed;
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
Deno.exit(total.failed === 0 ? 0 : 1);
