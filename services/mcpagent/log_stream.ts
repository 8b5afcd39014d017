import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalid, notFound, quote } from "@lib/errors/mod.ts";
import { type LogLine, LogLineSchema } from "@proto/mcp/v1/agent_pb.ts";
import type { AgentNode } from "./deploy/agent_node.ts";
import type { LogEntry } from "./runtime/log_file.ts";

/** A follower that is so many lines behind loses some: programs are not held up by slow readers. */
const maxWaiting = 10_000;

export interface LogRequest {
  readonly service: string;
  /** "": all. */
  readonly component: string;
  /** 0 means 100; at most 10,000. */
  readonly tail: number;
  readonly follow: boolean;
}

/** The last lines of a service's components, in the order of their times; then what follows, until the signal. */
export async function* streamLogs(node: AgentNode, request: LogRequest, signal: AbortSignal): AsyncGenerator<LogLine> {
  const names = componentsOf(node, request);
  const tail = Math.min(request.tail === 0 ? 100 : request.tail, 10_000);
  const files = names.map((name) => ({ name, file: node.logs.of(request.service, name) }));
  const waiting: { name: string; entry: LogEntry }[] = [];
  let dropped = 0;
  let wake = () => {};
  // Followed before the tail is read, so that nothing falls in between; both happen in one turn.
  const ends = !request.follow ? [] : files.map(({ name, file }) =>
    file.follow((entries) => {
      for (const entry of entries) {
        if (waiting.length >= maxWaiting) dropped++;
        else waiting.push({ name, entry });
      }
      wake();
    })
  );
  try {
    const last = files.flatMap(({ name, file }) => file.tail(tail).map((entry) => ({ name, entry })));
    for (const { name, entry } of last.sort((a, b) => a.entry.at - b.entry.at).slice(-tail)) yield line(name, entry);
    const stop = () => wake();
    signal.addEventListener("abort", stop);
    node.stopping.addEventListener("abort", stop);
    try {
      while (request.follow && !signal.aborted && !node.stopping.aborted) {
        for (const { name, entry } of waiting.splice(0)) yield line(name, entry);
        if (dropped > 0) {
          yield line("", { at: node.clock.now(), line: `… ${dropped} lines dropped: the reader is too slow` });
          dropped = 0;
        }
        if (waiting.length === 0 && !signal.aborted) await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      node.stopping.removeEventListener("abort", stop);
    }
  } finally {
    for (const end of ends) end();
  }
}

function componentsOf(node: AgentNode, { service, component }: LogRequest): string[] {
  const row = node.registry.services.get(service);
  // A first deploy that failed has no row, and its logs are wanted most.
  const names = row?.release.components.map(({ name }) => name) ?? node.logs.componentsOf(service);
  if (names.length === 0) throw notFound("service", service, { hint: "mcp ps lists those of this node" });
  if (component === "") return names;
  if (!names.includes(component)) {
    throw invalid("component", `service ${service} has none called ${quote(component)}; it has ${names.join(", ")}`);
  }
  return [component];
}

function line(component: string, { at, line }: LogEntry): LogLine {
  return create(LogLineSchema, { at: timestampFromMs(at), component, line });
}
