/** A record as it is typed into a form, not checked yet, and the form for a new one. */
import { Choice, CsrfField, Field, type Form, FormError, type FormErrors, Tick, type Visit } from "@lib/web/mod.ts";

export interface RecordDraft {
  readonly name: string;
  readonly type: string;
  /** In place of `type`, for those that the list lacks. */
  readonly otherType: string;
  readonly value: string;
  /** As typed: "300", "5m". */
  readonly ttl: string;
  readonly view: string;
  readonly expires: string;
  readonly withPtr: boolean;
}

export const emptyDraft: RecordDraft = {
  name: "",
  type: "A",
  otherType: "",
  value: "",
  ttl: "",
  view: "",
  expires: "",
  withPtr: false,
};

export const addFields = ["name", "type", "value", "ttl", "view", "expires"];

/** Types to choose from, the frequent ones first; any other is typed in. */
export const typeOptions = [
  ...["A", "AAAA", "CNAME", "ALIAS", "MX", "TXT", "SRV", "CAA", "NS", "PTR", "HTTPS", "SVCB", "TLSA", "SSHFP"],
  ...["DS", "NAPTR", "URI", "LOC", "HINFO", "SMIMEA", "OPENPGPKEY", "DNAME"],
];

/** How values of the types are written; what is shown as help. */
const examples: readonly (readonly [type: string, value: string, meaning: string])[] = [
  ["A, AAAA", "192.0.2.1, 2001:db8::1", "address"],
  ["CNAME, ALIAS", "www.example.org", "other name; ALIAS stands at the apex too"],
  ["MX", "10 mail.example.org", "preference, server"],
  ["TXT", '"v=spf1 mx -all"', "text in quotes"],
  ["SRV", "0 5 443 host.example.org", "priority, weight, port, host"],
  ["CAA", '0 issue "letsencrypt.org"', "flags, tag, value"],
  ["HTTPS, SVCB", "1 . alpn=h2,h3", "priority, target, parameters"],
  ["TYPE65280", "\\# 4 0a000001", "any other type (RFC 3597)"],
];

export function readDraft(form: Form): RecordDraft {
  const given = (name: string) => form.optional(name)?.trim() ?? "";
  return {
    name: given("name"),
    type: given("type"),
    otherType: given("other_type"),
    value: given("value"),
    ttl: given("ttl"),
    view: given("view"),
    expires: given("expires"),
    withPtr: form.checked("with_ptr"),
  };
}

/** @param open whether the form is unfolded: it was refused, or one record after the other is added */
export function AddRecord({ visit, action, open, draft, errors }: {
  visit: Visit;
  action: string;
  open: boolean;
  draft: RecordDraft;
  errors: FormErrors;
}) {
  const more = draft.view + draft.expires + draft.otherType !== "" || draft.withPtr;
  return (
    <details class="add" open={open}>
      <summary class="button">Add a record</summary>
      <form method="post" action={action} aria-label="Add a record">
        <CsrfField visit={visit} />
        <FormError errors={errors} />
        <div class="line">
          <Field
            name="name"
            label="Name"
            value={draft.name}
            errors={errors}
            placeholder="www or @"
            mono
            required
          />
          <Choice
            name="type"
            label="Type"
            value={draft.type}
            errors={errors}
            options={typeOptions.map((type) => [type, type] as const)}
          />
          <Field name="value" label="Value" value={draft.value} errors={errors} class="wide" mono required />
          <Field name="ttl" label="TTL" value={draft.ttl} errors={errors} placeholder="5m" class="small" />
          <button type="submit">Add</button>
        </div>
        <details open={more}>
          <summary>More about the new record</summary>
          <div class="line">
            <Field name="view" label="View" value={draft.view} errors={errors} hint="For clients of this view only." />
            <Field
              name="expires"
              label="Goes by itself after"
              value={draft.expires}
              errors={errors}
              placeholder="never"
              hint="Like 30m, 12h, 7d."
            />
            <Field name="other_type" label="Another type" value={draft.otherType} placeholder="TYPE65280" />
            <Tick name="with_ptr" label="With its PTR record" ticked={draft.withPtr} />
          </div>
        </details>
        <details>
          <summary>How values are written</summary>
          <dl class="examples">
            {examples.map(([type, value, meaning]) => (
              <div>
                <dt>{type}</dt>
                <dd>
                  <code>{value}</code> <span class="faint">{meaning}</span>
                </dd>
              </div>
            ))}
          </dl>
        </details>
      </form>
    </details>
  );
}
