/**
 * What a connection and its request would meet: the same questions in the same order as the wire asks them, with
 * nothing counted and nothing sent.
 * @module
 */
import { invalid, notFound, quote } from "@lib/errors/mod.ts";
import type { Gate } from "../domain/firewall_rule.ts";
import { isHostname } from "../domain/hostname.ts";
import type { Listener } from "../domain/listener.ts";
import { matchedPath } from "../domain/route_path.ts";
import { routeFor } from "../domain/route_table.ts";
import { allowedText } from "../domain/sign_in.ts";
import type { Firewall } from "../firewall/firewall.ts";
import { ownPrefix, signInPath } from "../sign_in/paths.ts";
import type { LiveRoute, Router } from "./router.ts";

/** Whom and what it is asked for; "" takes the default. */
export interface ExplainQuestion {
  /** The name in SNI and the request's host; "" for a client that names none. */
  host: string;
  /** Default "/". */
  path: string;
  /** The client's; default 127.0.0.1. */
  address: string;
  userAgent: string;
  /** Default: the first TLS listener. */
  listener: string;
}

export interface ExplainStep {
  stage: "listener" | "firewall" | "route" | "certificate" | "sign_in" | "backend";
  /** "skip": the rule is about others. */
  result: "pass" | "refuse" | "choose" | "skip";
  /** In words. */
  detail: string;
}

export interface Explanation {
  steps: ExplainStep[];
  outcome: "l4" | "l7" | "redirect" | "maintenance" | "refused";
  /** Asked first; "" for none. */
  backend: string;
  /** What the proxy itself would answer; 0 for nothing. */
  status: number;
}

export interface ExplainerOptions {
  listeners(): readonly Listener[];
  router: Router;
  firewall: Pick<Firewall, "explain">;
  isAddress(text: string): boolean;
  /** The backend that the next request of the route would be sent to, and why; null when it has none. */
  nextBackend(live: LiveRoute): { backend: string; why: string } | null;
}

/** See the module. */
export class Explainer {
  readonly #options: ExplainerOptions;

  constructor(options: ExplainerOptions) {
    this.#options = options;
  }

  /** @throws PlatformError `invalid` for an address or path that is none, `notFound` for a listener that isn't there */
  explain(question: ExplainQuestion): Explanation {
    return new Walk(this.#options, checked(question, this.#options)).run();
  }
}

interface Asked {
  readonly listener: Listener;
  readonly hostname: string;
  readonly path: string;
  readonly address: string;
  readonly userAgent: string;
}

function checked(question: ExplainQuestion, { listeners, isAddress }: ExplainerOptions): Asked {
  const all = listeners();
  const listener = question.listener === ""
    ? all.find(({ kind }) => kind === "tls") ?? all[0]
    : all.find(({ name }) => name === question.listener);
  if (listener === undefined) throw notFound("listener", question.listener);
  const address = question.address === "" ? "127.0.0.1" : question.address;
  if (!isAddress(address)) throw invalid("address", `must be an IP address, got ${quote(question.address)}`);
  const path = question.path === "" ? "/" : question.path;
  if (!path.startsWith("/")) throw invalid("path", `must start with "/", got ${quote(question.path)}`);
  return { listener, hostname: question.host.toLowerCase(), path, address, userAgent: question.userAgent };
}

class Walk {
  readonly #steps: ExplainStep[] = [];

  constructor(readonly options: ExplainerOptions, readonly asked: Asked) {}

  run(): Explanation {
    const { listener } = this.asked;
    const { router } = this.options;
    this.#step("listener", "choose", `${listener.name} (${listener.kind}, ${listener.address})`);
    if (this.#firewall("connection", null, null) !== 0) return this.#refused(0);
    if (listener.kind === "http") {
      this.#step("route", "choose", "a redirect to https, or an ACME challenge");
      return this.#done("redirect", "", 308);
    }
    const hostname = listener.kind === "tls" && isHostname(this.asked.hostname) ? this.asked.hostname : "";
    const host = router.find(listener.name, hostname);
    if (host === undefined || (host.root.route.mode === "l7" && hostname === "")) {
      const name = this.asked.hostname === "" ? "no name" : `the name ${quote(this.asked.hostname)}`;
      this.#step("route", "refuse", `no route takes ${name}: TLS alert unrecognized_name`);
      return this.#refused(0);
    }
    if (this.#firewall("hello", hostname, null) !== 0) return this.#refused(0);
    if (host.root.route.mode === "l4") {
      this.#step("route", "choose", `${named(host.root)}: bytes pass as they are`);
      return this.#toBackend(host.root);
    }
    if (!this.#certificate(host.root)) return this.#refused(0);
    const { path } = this.asked;
    const status = this.#firewall("request", hostname, path);
    if (status !== 0) return this.#refused(status);
    return this.#answered(routeFor(host, matchedPath(path)));
  }

  #answered(live: LiveRoute): Explanation {
    const { redirect, maintenance, signIn } = live.route;
    if (live.isGuarded && this.asked.path.startsWith(ownPrefix)) {
      this.#step("sign_in", "choose", "the proxy's own pages");
      return this.#done("l7", "", 0);
    }
    this.#step("route", "choose", named(live));
    if (maintenance !== "") {
      this.#step("backend", "choose", "none: the route is in maintenance");
      return this.#done("maintenance", "", 503);
    }
    if (redirect !== null) {
      this.#step("backend", "choose", `none: the route redirects to ${redirect.to}`);
      return this.#done("redirect", "", redirect.status);
    }
    if (signIn !== null) {
      const others = `without one 302 to ${signInPath}, or 401; others 403`;
      this.#step("sign_in", "pass", `sign-in asked, for ${allowedText(signIn)}: ${others}`);
    }
    return this.#toBackend(live);
  }

  #toBackend(live: LiveRoute): Explanation {
    const next = this.options.nextBackend(live);
    if (next === null) {
      this.#step("backend", "refuse", "the route has none");
      return live.route.mode === "l4" ? this.#refused(0) : this.#refused(502);
    }
    this.#step("backend", "choose", `${next.backend}: ${next.why}`);
    return this.#done(live.route.mode, next.backend, 0);
  }

  #certificate(live: LiveRoute): boolean {
    const served = this.options.router.certificateOf(live);
    if (served === null || served.context === null) {
      this.#step("certificate", "refuse", served?.error || "none is there yet");
      return false;
    }
    const until = served.notAfter === null ? "" : `, until ${served.notAfter.toISOString()}`;
    this.#step("certificate", "choose", `for ${served.names.join(", ")}${until}`);
    return this.#clientCertificate(live);
  }

  /** @returns false when nobody is let in, whatever they show */
  #clientCertificate(live: LiveRoute): boolean {
    const { clientCert } = live.route;
    const authority = this.options.router.clientAuthorityOf(live);
    if (authority === null) return true;
    const isRequired = clientCert === "required";
    if (authority.value === null) {
      this.#step("certificate", isRequired ? "refuse" : "skip", authority.error);
      return !isRequired;
    }
    const issuers = authority.value.subjects.join("; ");
    this.#step("certificate", "pass", `a client certificate is ${clientCert}, issued by ${issuers}`);
    return true;
  }

  /** Adds the steps of one gate. @returns the status of the refusal; 0 when it lets pass */
  #firewall(gate: Gate, hostname: string | null, path: string | null): number {
    const { listener, address, userAgent } = this.asked;
    const asked = { listener: listener.name, address, hostname, path, userAgent };
    const { verdict, steps } = this.options.firewall.explain(asked);
    for (const step of steps) {
      if (step.gate !== gate) continue;
      const isRefusal = step.outcome === "block" || step.outcome === "over";
      const result = isRefusal ? "refuse" : step.outcome === "no_match" ? "skip" : "pass";
      this.#step("firewall", result, `${step.action} ${step.rule}: ${step.why}`);
    }
    return verdict.allowed ? 0 : verdict.status;
  }

  #step(stage: ExplainStep["stage"], result: ExplainStep["result"], detail: string): void {
    this.#steps.push({ stage, result, detail });
  }

  #refused(status: number): Explanation {
    return this.#done("refused", "", status);
  }

  #done(outcome: Explanation["outcome"], backend: string, status: number): Explanation {
    return { steps: this.#steps, outcome, backend, status };
  }
}

function named({ route }: LiveRoute): string {
  return `${route.hostname}${route.path === "/" ? "" : route.path} (${route.mode})`;
}
