import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Call, implement, nextPageToken, type Operation, parsePage, requireCaller } from "@lib/contract/mod.ts";
import { invalid, notFound, quote, unavailable } from "@lib/errors/mod.ts";
import { AgentService, EventSchema, type StepEvent, StepEventSchema } from "@proto/mcp/v1/agent_pb.ts";
import { stopAll } from "./boot.ts";
import type { AgentNode } from "./deploy/agent_node.ts";
import { deploy } from "./deploy/deploy.ts";
import { restartService, startService, stopService, undeploy } from "./deploy/lifecycle.ts";
import { type Steps, stepStream } from "./deploy/steps.ts";
import { streamLogs } from "./log_stream.ts";
import { nodeProblems, serviceView, stateOf } from "./view.ts";

/** What the operations know of the program around them. */
export interface AgentStatus {
  readonly version: string;
  readonly startedAt: Date;
  /** Everything has been started, or has had its time. */
  readonly booted: () => boolean;
  /** From now on nothing is started, restarted or taken care of. */
  readonly stop: () => void;
  /** Ends the program. */
  readonly end: () => void;
}

export function agentOperations(node: AgentNode, status: AgentStatus): Operation[] {
  const { registry, clock, log } = node;

  const change = async function* (work: (steps: Steps) => Promise<string>): AsyncGenerator<StepEvent> {
    if (node.stopping.aborted) throw unavailable("The agent is shutting down");
    const reports = stepStream(work, (error) => log.error("change failed", { error }));
    for await (const { step, state, detail, errorCode } of reports) {
      yield create(StepEventSchema, { at: timestampFromMs(clock.now()), step, state, detail, errorCode });
    }
  };

  return implement(AgentService, {
    deploy: (request, call) =>
      change((steps) =>
        deploy(node, {
          toml: request.definition,
          fileName: fileNameOf(request.fileName),
          caller: requireCaller(call),
        }, steps)
      ),
    undeploy: ({ service }, call) => change((steps) => undeploy(node, service, requireCaller(call), steps)),
    stopService: ({ service }, call) => change((steps) => stopService(node, service, requireCaller(call), steps)),
    startService: ({ service }, call) => change((steps) => startService(node, service, requireCaller(call), steps)),
    restartService: ({ service }, call) => change((steps) => restartService(node, service, requireCaller(call), steps)),

    listServices: () => ({ services: registry.services.list().map((row) => serviceView(node, row, false)) }),
    getService: ({ service }) => {
      const row = registry.services.get(service);
      if (row === null) throw notFound("service", service, { hint: "mcp ps lists those of this node" });
      return serviceView(node, row, true);
    },
    streamLogs: (request, call) => streamLogs(node, request, call.signal),

    getNode: () => {
      const rows = registry.services.list();
      const problems = nodeProblems(node);
      return {
        name: node.settings.nodeName,
        arch: Deno.build.arch,
        agentVersion: status.version,
        startedAt: timestampFromMs(status.startedAt.getTime()),
        state: node.stopping.aborted
          ? "draining"
          : !status.booted()
          ? "booting"
          : problems.length > 0
          ? "degraded"
          : "ready",
        services: rows.length,
        running: rows.filter((row) => stateOf(node, row) === "running").length,
        problems,
      };
    },
    listEvents: ({ service, pageSize, pageToken }) => {
      const page = parsePage({ pageSize, pageToken });
      const before = page.after === null ? null : Number(page.after);
      if (before !== null && !Number.isSafeInteger(before)) {
        throw invalid("page_token", `not a token of this list: ${quote(pageToken)}`);
      }
      const rows = registry.events.list(service, before, page.limit + 1);
      const shown = rows.slice(0, page.limit);
      return {
        events: shown.map(({ id, at, ...rest }) =>
          create(EventSchema, { id: BigInt(id), at: timestampFromMs(at), ...rest })
        ),
        nextPageToken: nextPageToken(rows.length > page.limit ? shown.at(-1)?.id : null),
      };
    },

    shutdown: (_request, call: Call) =>
      change(async (steps) => {
        log.info("shutdown asked for", { by: requireCaller(call).username });
        status.stop();
        await node.locks.idle();
        await stopAll(node, steps);
        status.end();
        return "every service is stopped; the agent ends";
      }),
  });
}

/** The name of a definition in messages: no path of the caller's machine, no control characters. */
function fileNameOf(given: string): string {
  // deno-lint-ignore no-control-regex -- control characters are exactly what is taken out
  const name = given.split("/").at(-1)!.replaceAll(/[\u0000-\u001f\u007f]/g, "").slice(0, 100);
  return name === "" ? "definition" : name;
}
