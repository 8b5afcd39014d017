import { buildCommand } from "@stricli/core";
import { type CliContext, count, jsonOf, plain, printJsonLine, switchFlag } from "@lib/cli/mod.ts";
import { invalid, PlatformError } from "@lib/errors/mod.ts";
import { StatsSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { milliseconds } from "../amounts.ts";
import { type Mcproxy, type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";
import { type Look, topText } from "../rates.ts";

interface TopFlags extends ServerFlags {
  readonly once: boolean;
  readonly count?: number;
  readonly interval: number;
  readonly number: number;
}

export const topCommand = buildCommand({
  docs: {
    brief: "Show what passes through now, route by route",
    fullDescription:
      "Shows requests, connections, bytes and errors a second of each route, the busiest first, and how the backends are. On a terminal it is drawn anew until Ctrl-C; elsewhere each picture is printed below the last one. Latencies are of all requests since MC-Proxy's start. With --json each look at the counters is a line.",
    customUsage: [
      { input: "", brief: "until Ctrl-C" },
      { input: "--once", brief: "what passes in the next two seconds" },
      { input: "--count 10 --interval 30s", brief: "five minutes, for a report" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      once: switchFlag("One picture"),
      count: { kind: "parsed", parse: count, brief: "So many pictures", placeholder: "N", optional: true },
      interval: {
        kind: "parsed",
        parse: milliseconds,
        brief: "How long each is about",
        placeholder: "TIME",
        default: "2s",
      },
      number: { kind: "parsed", parse: count, brief: "Routes, and backends, at most", placeholder: "N", default: "20" },
    },
    aliases: { n: "number" },
  },
  async func(this: CliContext, flags: TopFlags) {
    const { once, interval } = flags;
    if (once && flags.count !== undefined) throw invalid("--once", "can't be given together with --count");
    // Each look walks all routes of the proxy; more often shows noise.
    if (interval < 100) throw invalid("--interval", `must be 100ms or more, got ${interval}ms`);
    const times = once ? 1 : flags.count ?? Infinity;
    await withMcproxy(this, flags, async (proxy) => {
      if (flags.json) return await printLooks(this, proxy, times, interval);
      const screen = times === Infinity ? this.screen() : null;
      if (screen === null) await printPictures(this, proxy, { times, interval, most: flags.number });
      else await draw(this, proxy, interval);
    });
  },
});

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function look({ stats }: Mcproxy): Promise<Look> {
  return { stats: await stats.getStats({}), at: Date.now() };
}

async function printLooks(context: CliContext, proxy: Mcproxy, times: number, interval: number): Promise<void> {
  for (let done = 0; done < times && context.isRead(); done++) {
    if (done > 0) await pause(interval);
    const { stats } = await look(proxy);
    printJsonLine(context, jsonOf(StatsSchema, stats));
  }
}

async function printPictures(
  context: CliContext,
  proxy: Mcproxy,
  { times, interval, most }: { times: number; interval: number; most: number },
): Promise<void> {
  let before = await look(proxy);
  for (let done = 0; done < times && context.isRead(); done++) {
    await pause(interval);
    const after = await look(proxy);
    context.print(`${done > 0 ? "\n" : ""}${topText(before, after, { routes: most, backends: most })}`);
    before = after;
  }
}

/** Draws until it is interrupted. A proxy that doesn't answer, as in a restart, is asked again. */
async function draw(context: CliContext, proxy: Mcproxy, interval: number): Promise<void> {
  let before = await look(proxy);
  context.print(`${clear}measuring for ${interval / 1000} s …\n`);
  while (context.isRead()) {
    await pause(interval);
    let text: string;
    const screen = context.screen() ?? { columns: 80, rows: 24 };
    // The head, empty lines, headings, the lines that say how many more there are, and the cursor's take nine.
    const room = Math.max(2, screen.rows - 9);
    const most = { routes: Math.ceil(room * 2 / 3), backends: Math.floor(room / 3) };
    try {
      const after = await look(proxy);
      text = topText(before, after, most);
      before = after;
    } catch (error) {
      if (!(error instanceof PlatformError) || error.code !== "unavailable") throw error;
      text = `${plain(error.message)}\n`;
    }
    context.print(redrawn(text, screen.columns));
  }
}

const clear = "\x1b[H\x1b[2J";

/** Over what was there, line by line, so that nothing flickers. */
function redrawn(text: string, columns: number): string {
  const lines = text.replace(/\n$/, "").split("\n").map((line) => [...line].slice(0, columns).join(""));
  return `\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`;
}
