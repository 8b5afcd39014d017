import type { Certificate, Route, Stats } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { certificateState, worstFirst } from "./certificate_state.ts";
import { routeName } from "./route_text.ts";

/** What is known of an MC-Proxy. */
export interface Picture {
  readonly stats: Stats;
  readonly certificates: readonly Certificate[];
  readonly routes: readonly Route[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What needs a look, a line each: routes that can't be served, then backends that fail, then certificates. */
export function problemsOf({ stats, certificates, routes, now }: Picture): string[] {
  const failing = new Map(stats.backends.filter(({ failing }) => failing).map((one) => [one.backend, one.reason]));
  const isAsked = ({ redirect, maintenance }: Route) => redirect === undefined && maintenance === "";
  const down = routes.filter((route) =>
    isAsked(route) && route.backends.length > 0 && route.backends.every((backend) => failing.has(backend))
  );
  return [
    ...down.map((route) => `route ${routeName(route)} is DOWN: none of its backends is well`),
    ...[...failing].map(([backend, reason]) => {
      const of = routes.filter(({ backends }) => backends.includes(backend)).map(routeName);
      return `backend ${backend} fails${reason === "" ? "" : `: ${reason}`}${
        of.length === 0 ? "" : ` (${of.join(", ")})`
      }`;
    }),
    ...worstFirst(certificates, now).flatMap((one) => {
      const { text, isWrong } = certificateState(one, now);
      return isWrong ? [`certificate ${one.listener} ${one.hostname}: ${text}`] : [];
    }),
  ];
}
