import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "@lib/clock/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { RestartPolicy } from "../domain/restart.ts";
import { DenoDriver } from "./deno_driver.ts";
import type { HealthSettings } from "./health_watch.ts";
import { LogFile } from "./log_file.ts";
import { Supervisor } from "./supervisor.ts";

/** A supervisor over a program given as text, in a folder of its own. */
class Bench implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly events: string[] = [];
  readonly output = new LogFile({ path: join(this.folder, "out.log"), clock: systemClock, log: silentLogger });
  readonly supervisor: Supervisor;
  #waiting: { event: string; count: number; resolve: () => void }[] = [];

  constructor(
    program: string,
    options: { onTrial?: boolean; restart?: RestartPolicy; health?: Partial<HealthSettings>; stopTimeoutMs?: number } =
      {},
  ) {
    const entry = join(this.folder, "main.js");
    Deno.writeTextFileSync(entry, program);
    this.supervisor = new Supervisor({
      service: "hello",
      component: "web",
      driver: new DenoDriver(Deno.execPath()),
      prepare: () => ({
        args: ["run", "--quiet", "--no-config", "--no-prompt", "--allow-net=127.0.0.1", entry],
        env: { DENO_DIR: join(this.folder, "cache"), NO_COLOR: "1" },
        cwd: this.folder,
      }),
      restart: options.restart ?? "always",
      backOff: { firstMs: 10, maxMs: 40, resetAfterMs: 60_000 },
      stopTimeoutMs: options.stopTimeoutMs ?? 10_000,
      health: { target: null, intervalMs: 100, retries: 2, startMs: 20_000, ...options.health },
      overlaps: false,
      output: this.output,
      clock: systemClock,
      onEvent: (kind, detail) => {
        this.events.push(detail === "" || kind === "started" ? kind : `${kind}: ${detail}`);
        this.#waiting = this.#waiting.filter(({ event, count, resolve }) =>
          this.#count(event) < count || (resolve(), false)
        );
      },
    }, options.onTrial ?? false);
  }

  #count(event: string): number {
    return this.events.filter((one) => one.startsWith(event)).length;
  }

  /** Resolves when an event that starts so has happened `count` times. */
  seen(event: string, count = 1): Promise<void> {
    if (this.#count(event) >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ event, count, resolve }));
  }

  lines(): string[] {
    return this.output.tail(100).map(({ line }) => line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.supervisor.stop();
    this.output[Symbol.dispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const never = new AbortController().signal;
const idle = `console.log("up"); setInterval(() => {}, 60_000);`;

Deno.test("Supervisor starts a program again after each crash, and says how it ended", async () => {
  await using bench = new Bench(`console.log("boom"); Deno.exit(3);`);
  bench.supervisor.start();
  await bench.seen("exited", 3);
  deepEqual(bench.events.slice(0, 4), ["started", "exited: ended with code 3", "started", "exited: ended with code 3"]);
  await bench.supervisor.stop();
  equal(bench.supervisor.observed().state, "stopped");
  equal(bench.supervisor.observed().lastExitCode, 3);
  ok(bench.supervisor.observed().restarts >= 2);
  ok(bench.lines().filter((line) => line === "boom").length >= 3);
});

const policies: [policy: RestartPolicy, exitCode: number, state: "stopped" | "failed"][] = [
  ["no", 0, "stopped"],
  ["no", 1, "failed"],
  ["on-failure", 0, "stopped"],
];
for (const [restart, code, state] of policies) {
  Deno.test(`Supervisor with restart = "${restart}" leaves a program ${state} that ended with ${code}`, async () => {
    await using bench = new Bench(`Deno.exit(${code});`, { restart });
    bench.supervisor.start();
    await bench.seen("exited");
    await bench.supervisor.stop();
    deepEqual(bench.events, ["started", `exited: ended with code ${code}`]);
  });
}

Deno.test("Supervisor.stop asks with SIGTERM and the program may end in its own time", async () => {
  await using bench = new Bench(
    `Deno.addSignalListener("SIGTERM", () => setTimeout(() => { console.log("drained"); Deno.exit(0); }, 100));
     console.log("up"); setInterval(() => {}, 60_000);`,
  );
  bench.supervisor.start();
  await bench.supervisor.healthy(never);
  await bench.supervisor.stop();
  deepEqual(bench.lines(), ["up", "drained"]);
  equal(bench.events.some((event) => event.startsWith("killed")), false);
});

Deno.test("Supervisor.stop kills a program that does not end within the time-out", async () => {
  await using bench = new Bench(`Deno.addSignalListener("SIGTERM", () => {}); ${idle}`, { stopTimeoutMs: 100 });
  bench.supervisor.start();
  await bench.supervisor.healthy(never);
  await bench.supervisor.stop();
  ok(bench.events.includes("killed: did not end within 100 ms of SIGTERM"), bench.events.join("\n"));
});

Deno.test("Supervisor.healthy on trial fails with the program's last lines when it ends, and does not start it again", async () => {
  await using bench = new Bench(`console.error("no such table: zones"); Deno.exit(1);`, { onTrial: true });
  bench.supervisor.start();
  await rejects(bench.supervisor.healthy(never), (error) => {
    ok(error instanceof PlatformError);
    equal(
      error.message,
      "Component web of hello ended with code 1; its last lines:\n  no such table: zones",
    );
    return true;
  });
  equal(bench.supervisor.observed().state, "failed");
  equal(bench.events.filter((event) => event === "started").length, 1);
});

Deno.test("Supervisor.healthy waits for the health check to pass", async () => {
  const port = freePort();
  await using bench = new Bench(
    `setTimeout(() => Deno.serve({ hostname: "127.0.0.1", port: ${port}, onListen() {} }, () => new Response("ok")), 200);`,
    { health: { target: { kind: "http", address: `127.0.0.1:${port}`, path: "/", tls: null, timeoutMs: 1_000 } } },
  );
  bench.supervisor.start();
  equal(bench.supervisor.observed().state, "starting");
  await bench.supervisor.healthy(never);
  equal(bench.supervisor.observed().state, "running");
  equal(bench.supervisor.observed().health, "healthy");
});

Deno.test("Supervisor.healthy says what the check saw when it never passes", async () => {
  const port = freePort();
  await using bench = new Bench(
    `Deno.serve({ hostname: "127.0.0.1", port: ${port}, onListen() {} }, () => new Response("no database", { status: 503 }));`,
    {
      onTrial: true,
      health: {
        startMs: 2_000,
        target: { kind: "http", address: `127.0.0.1:${port}`, path: "/h", tls: null, timeoutMs: 1_000 },
      },
    },
  );
  bench.supervisor.start();
  await rejects(bench.supervisor.healthy(never), (error) => {
    match(
      (error as Error).message,
      new RegExp(
        `^Component web of hello is not healthy within 2000 ms: 127\\.0\\.0\\.1:${port}/h answered 503 no database`,
      ),
    );
    return true;
  });
});

Deno.test("Supervisor notices when a healthy program stops answering, and when it answers again", async () => {
  const port = freePort();
  await using bench = new Bench(
    `let count = 0; Deno.serve({ hostname: "127.0.0.1", port: ${port}, onListen() {} }, () => {
       count++; return new Response("x", { status: count > 1 && count < 5 ? 500 : 200 });
     });`,
    {
      health: {
        intervalMs: 10,
        target: { kind: "http", address: `127.0.0.1:${port}`, path: "/", tls: null, timeoutMs: 1_000 },
      },
    },
  );
  bench.supervisor.start();
  await bench.seen("unhealthy: failed 2 health checks");
  await bench.seen("healthy", 2);
  equal(bench.supervisor.observed().health, "healthy");
});

Deno.test("Supervisor reports a program that can't be prepared like one that ended, and tries again", async () => {
  let attempts = 0;
  await using bench = new Bench(idle);
  const broken = new Supervisor({
    service: "hello",
    component: "web",
    driver: new DenoDriver(Deno.execPath()),
    prepare: () => {
      attempts++;
      throw new PlatformError("invalid", "hello.toml:3: unknown key");
    },
    restart: "always",
    backOff: { firstMs: 5, maxMs: 5, resetAfterMs: 60_000 },
    stopTimeoutMs: 100,
    health: { target: null, intervalMs: 100, retries: 2, startMs: 100 },
    overlaps: false,
    output: bench.output,
    clock: systemClock,
    onEvent: (kind) => bench.events.push(kind),
  }, false);
  broken.start();
  await rejects(broken.healthy(never), /did not start; its last lines:\n {2}mcpagent: hello\.toml:3: unknown key/);
  while (attempts < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await broken.stop();
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
