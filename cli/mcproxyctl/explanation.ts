/** What a connection would meet, step by step. */
import { table } from "@lib/terminal/mod.ts";
import type { ExplainResponse, ExplainStep } from "@proto/mcproxy/v1/mcproxy_pb.ts";

/** The steps, a line each. @param all those too that are about others */
export function stepsText(steps: readonly ExplainStep[], all: boolean): string {
  const shown = steps.filter(({ result }) => all || result !== "skip");
  if (shown.length === 0) return "";
  return table(shown, [
    { heading: "stage", cell: ({ stage }) => stage },
    { heading: "result", cell: ({ result }) => result },
    { heading: "why", cell: ({ detail }) => detail },
  ]) + "\n";
}

/** What becomes of it, one line. */
export function outcomeText({ outcome, backend, status }: ExplainResponse): string {
  switch (outcome) {
    case "l7":
      return `served by ${backend || "the proxy itself"}`;
    case "l4":
      return `passed on to ${backend}`;
    case "redirect":
      return `redirected with ${status}`;
    case "maintenance":
      return `not served: answered with ${status}, the route is in maintenance`;
    default:
      return status === 0 ? "refused: the connection is closed" : `refused: answered with ${status}`;
  }
}

/** Whether the client gets what it came for. */
export const isServed = ({ outcome }: ExplainResponse): boolean => outcome !== "refused" && outcome !== "maintenance";
