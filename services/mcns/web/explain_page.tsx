/** What a client would be answered, and why. */
import { Choice, Field, FormError, type FormErrors, formErrors, noErrors, Tick } from "@lib/web/mod.ts";
import type { ExplainResponse } from "@proto/mcns/v1/mcns_pb.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { typeOptions } from "./record_draft.tsx";
import { zoneAddress } from "./zone_frame.tsx";

const path = "/explain";

export const explainRoutes: DeskRoute[] = [{ method: "GET", path, handle: showExplain }];

const questionTypes = [...typeOptions.filter((type) => type !== "ALIAS"), "SOA", "DNSKEY", "ANY"];

async function showExplain(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const name = visit.query("name");
  const type = visit.query("type");
  let answer: ExplainResponse | null = null;
  let errors: FormErrors = noErrors;
  if (name !== "") {
    try {
      const dnssec = visit.query("dnssec") !== "";
      answer = await desk.admin.explain({ name, type, client: visit.query("client"), dnssec });
    } catch (error) {
      errors = formErrors(error, ["name", "type", "client"]);
    }
  }
  return visit.page(
    "Explain",
    <>
      <form method="get" action={path} class="filter" role="search">
        <FormError errors={errors} />
        <Field name="name" label="Name" value={name} errors={errors} placeholder="www.example.org" required mono />
        <Choice
          name="type"
          label="Type"
          value={type === "" ? "A" : type}
          errors={errors}
          options={questionTypes.map((one) => [one, one] as const)}
        />
        <Field
          name="client"
          label="Client's address"
          value={visit.query("client")}
          errors={errors}
          placeholder={visit.call.remote}
          mono
        />
        <Tick name="dnssec" label="With DNSSEC" ticked={visit.query("dnssec") !== ""} />
        <button type="submit">Explain</button>
      </form>
      {answer === null ? null : <Explanation answer={answer} />}
    </>,
    { status: errors.status },
  );
}

const sources: Record<string, string> = {
  authority: "from our zones",
  cache: "from the cache",
  forward: "from an upstream",
  refused: "refused",
  blocked: "blocked",
};

export function Explanation({ answer }: { answer: ExplainResponse }) {
  const { rcode, source, zone, view, steps } = answer;
  const sections = [["Answer", answer.answer], ["Authority", answer.authority], [
    "Additional",
    answer.additional,
  ]] as const;
  return (
    <section aria-labelledby="result">
      <h2 id="result">
        <span class={rcode === "NOERROR" ? "mark good" : "mark bad"}>{rcode}</span> {sources[source] ?? source}
      </h2>
      <p class="facts">
        {zone === "" ? null : (
          <span>
            zone <a href={zoneAddress(zone)}>{zone}</a>
          </span>
        )}
        {view === "" ? null : <span>view {view}</span>}
      </p>
      {sections.map(([title, lines]) =>
        lines.length === 0 ? null : (
          <>
            <h3>{title}</h3>
            <pre tabindex={0} aria-label={title}>{lines.join("\n")}</pre>
          </>
        )
      )}
      <h3>Why</h3>
      <ol class="steps">{steps.map((step) => <li>{step}</li>)}</ol>
    </section>
  );
}
