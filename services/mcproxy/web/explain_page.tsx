/**
 * What a connection and its request would meet, step by step.
 * @module
 */
import { Choice, Field, FormError, type FormErrors, formErrors, noErrors } from "@lib/web/mod.ts";
import type { ExplainResponse, ExplainStep, Listener } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { Desk, DeskRoute } from "./desk.ts";

const path = "/explain";

export const explainRoutes: DeskRoute[] = [{ method: "GET", path, handle: showExplain }];

/** As the form's fields; "" takes the default. */
export interface Question {
  readonly host: string;
  readonly path: string;
  readonly address: string;
  readonly userAgent: string;
  readonly listener: string;
}

async function showExplain(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const question: Question = {
    host: visit.query("host"),
    path: visit.query("path"),
    address: visit.query("address"),
    userAgent: visit.query("user_agent"),
    listener: visit.query("listener"),
  };
  const { listeners } = await desk.listeners.listListeners({});
  let answer: ExplainResponse | null = null;
  let errors: FormErrors = noErrors;
  if (Object.values(question).some((text) => text !== "")) {
    try {
      answer = await desk.stats.explain(question);
    } catch (error) {
      errors = formErrors(error, ["host", "path", "address", "user_agent", "listener"]);
    }
  }
  return await visit.page(
    "Explain",
    <>
      <p class="faint">The same rules and routes as the wire meets, with nothing sent and nothing counted.</p>
      <ExplainForm question={question} listeners={listeners} errors={errors} />
      {answer === null ? null : <Explanation answer={answer} />}
    </>,
    { status: errors.status },
  );
}

export function ExplainForm({ question, listeners, errors = noErrors }: {
  question: Question;
  listeners: readonly Listener[];
  errors?: FormErrors;
}) {
  return (
    <form method="get" action={path} class="filter wide-filter" role="search">
      <FormError errors={errors} />
      <Field
        name="host"
        label="Name asked for"
        value={question.host}
        errors={errors}
        placeholder="www.example.org"
        mono
      />
      <Field name="path" label="Path" value={question.path} errors={errors} placeholder="/" mono />
      <Field
        name="address"
        label="Client's address"
        value={question.address}
        errors={errors}
        placeholder="127.0.0.1"
        mono
      />
      <Field
        name="user_agent"
        label="User agent"
        value={question.userAgent}
        errors={errors}
        placeholder="curl/8.14.1"
        mono
      />
      <Choice
        name="listener"
        label="Listener"
        value={question.listener}
        errors={errors}
        options={[["", "the first"], ...listeners.map(({ name }) => [name, name] as const)]}
      />
      <button type="submit">Explain</button>
    </form>
  );
}

const outcomes: Record<string, string> = {
  l4: "Passed through to",
  l7: "Asks",
  redirect: "Redirected",
  maintenance: "Answered with the maintenance text",
  refused: "Refused",
};

export function Explanation({ answer }: { answer: ExplainResponse }) {
  const { outcome, backend, status, steps } = answer;
  const isGood = outcome !== "refused" && outcome !== "maintenance";
  // A limit's or a block's skips are many; what decided is what people look for.
  const skipped = steps.filter(({ result }) => result === "skip").length;
  return (
    <section aria-labelledby="result">
      <h2 id="result">
        <span class={isGood ? "mark good" : "mark bad"}>{status === 0 ? outcome : status}</span>{" "}
        {outcomes[outcome] ?? outcome}{" "}
        <span class="mono">{outcome === "l7" && backend === "" ? "the proxy itself" : backend}</span>
      </h2>
      <h3>Why</h3>
      <ol class="explained">
        {steps.filter(({ result }) => result !== "skip").map((step) => <Step step={step} />)}
      </ol>
      {skipped === 0 ? null : (
        <details>
          <summary>{skipped} rules of the firewall are about others</summary>
          <ol class="explained">
            {steps.filter(({ result }) => result === "skip").map((step) => <Step step={step} />)}
          </ol>
        </details>
      )}
    </section>
  );
}

const resultMarks: Record<string, string> = { pass: "mark good", choose: "mark good", refuse: "mark bad" };

function Step({ step: { stage, result, detail } }: { step: ExplainStep }) {
  return (
    <li>
      <span class="faint stage">{stage}</span> <span class={resultMarks[result] ?? "mark"}>{result}</span>{" "}
      <span>{detail}</span>
    </li>
  );
}
