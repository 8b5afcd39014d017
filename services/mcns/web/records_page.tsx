/** A zone's records: found by name and type, changed where they stand, added, deleted. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  address,
  Choice,
  CsrfField,
  errorAttributes,
  Field,
  FieldError,
  FormError,
  type FormErrors,
  formErrors,
  noErrors,
  RelativeTime,
} from "@lib/web/mod.ts";
import type { Visit } from "@lib/web/mod.ts";
import type { Record as DnsRecord } from "@proto/mcns/v1/mcns_pb.ts";
import { type Desk, type DeskRoute, pageOf, zoneOf } from "./desk.ts";
import { parseSeconds, secondsText } from "./duration.ts";
import { addFields, AddRecord, emptyDraft, readDraft, type RecordDraft, typeOptions } from "./record_draft.tsx";
import { changeRecord } from "./record_changes.ts";
import { Pager, zoneAddress, zonePage } from "./zone_frame.tsx";

export const recordsRoutes: DeskRoute[] = [
  { method: "GET", path: "/zones/{zone}", handle: (desk) => showRecords(desk) },
  { method: "POST", path: "/zones/{zone}/add", handle: addRecord },
  { method: "POST", path: "/zones/{zone}/change", handle: changeInPlace },
];

/** A form that was refused: which, with what was typed and what was wrong. */
type Refused =
  | { readonly form: "add"; readonly draft: RecordDraft; readonly errors: FormErrors }
  | {
    readonly form: "row";
    readonly id: string;
    readonly value: string;
    readonly ttl: string;
    readonly errors: FormErrors;
  };

async function showRecords(desk: Desk, refused?: Refused): Promise<Response> {
  const { visit } = desk;
  const zone = await zoneOf(desk);
  const filter = { q: visit.query("q"), type: visit.query("type") };
  const isFiltered = filter.q + filter.type !== "";
  const page = pageOf(desk, 100);
  const list = await desk.records.listRecords({ zone: zone.name, contains: filter.q, type: filter.type, ...page });
  const here = { ...filter, page: page.pageToken };
  // What a secondary holds comes from its primary.
  const mayChange = desk.isAdmin && zone.kind !== "secondary";
  const added = refused?.form === "add" ? refused : { draft: emptyDraft, errors: noErrors };
  const content = (
    <>
      {refused?.form === "row" && refused.errors.whole !== undefined ? <FormError errors={refused.errors} /> : null}
      <div class="tools">
        <Filter zone={zone.name} {...filter} />
        {mayChange
          ? (
            <AddRecord
              visit={visit}
              action={zoneAddress(zone.name, "/add", here)}
              open={refused?.form === "add" || visit.query("add") !== "" || list.records.length === 0 && !isFiltered}
              draft={added.draft}
              errors={added.errors}
            />
          )
          : null}
      </div>
      {list.records.length === 0
        ? <p class="empty">{isFiltered ? "No record fits the filter." : "No records yet."}</p>
        : (
          <RecordTable
            records={list.records.toSorted(byName)}
            now={desk.now}
            {...(mayChange
              ? {
                forms: {
                  visit,
                  action: zoneAddress(zone.name, "/change", here),
                  ...(refused?.form === "row" ? { refused } : {}),
                },
              }
              : {})}
          />
        )}
      <Pager path={zoneAddress(zone.name)} query={filter} next={list.nextPageToken} isFirst={page.pageToken === ""} />
    </>
  );
  return zonePage(desk, zone, "", content, { status: refused?.errors.status ?? 200 });
}

/** The zone itself first, then names by their labels from the right: what belongs together stands together. */
function byName(one: DnsRecord, other: DnsRecord): number {
  const key = ({ name, type, view }: DnsRecord) =>
    [...(name === "@" ? [] : name.split(".").reverse()), "", type, view].join("\0");
  return key(one) < key(other) ? -1 : 1;
}

function Filter({ zone, q, type }: { zone: string; q: string; type: string }) {
  return (
    <form method="get" action={zoneAddress(zone)} class="filter" role="search">
      <Field name="q" idPrefix="filter-" label="Find in names and values" value={q} />
      <Choice
        name="type"
        idPrefix="filter-"
        label="Type"
        value={type}
        options={[["", "All types"], ...typeOptions.map((one) => [one, one] as const)]}
      />
      <button type="submit" class="quiet">Filter</button>
      {q + type === "" ? null : <a href={zoneAddress(zone)}>Show all</a>}
    </form>
  );
}

export interface RowForms {
  readonly visit: Visit;
  readonly action: string;
  readonly refused?: Refused & { form: "row" };
}

/** @param forms absent: to read only */
export function RecordTable({ records, now, forms }: { records: readonly DnsRecord[]; now: number; forms?: RowForms }) {
  return (
    <table class={forms === undefined ? "records cards" : "records cards editable"}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Type</th>
          <th scope="col">Value</th>
          <th scope="col">TTL</th>
          {forms === undefined ? null : (
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {records.map((record) =>
          forms === undefined
            ? <ReadRow record={record} now={now} />
            : <EditRow record={record} now={now} forms={forms} />
        )}
      </tbody>
    </table>
  );
}

function ReadRow({ record, now }: { record: DnsRecord; now: number }) {
  return (
    <tr>
      <NameCells record={record} now={now} />
      <td class="mono value" data-label="Value">{record.value}</td>
      <td data-label="TTL" title={`${record.ttl} s`}>{secondsText(record.ttl)}</td>
    </tr>
  );
}

function NameCells({ record, now }: { record: DnsRecord; now: number }) {
  return (
    <>
      <th scope="row" class="mono">
        {record.name}
        <Marks record={record} now={now} />
      </th>
      <td>
        <span class="type">{record.type}</span>
      </td>
    </>
  );
}

function Marks({ record, now }: { record: DnsRecord; now: number }) {
  const { view, expiresAt, service, lease } = record;
  if (view + service + lease === "" && expiresAt === undefined) return null;
  return (
    <span class="marks">
      {view === "" ? null : <span class="mark">view {view}</span>}
      {expiresAt === undefined ? null : (
        <span class="mark">
          goes <RelativeTime at={timestampMs(expiresAt)} now={now} />
        </span>
      )}
      {service === "" ? null : <span class="mark" title={lease === "" ? "" : `lease ${lease}`}>for {service}</span>}
    </span>
  );
}

/** A row whose value and TTL are fields of a form of its own; the form element stands in the last cell. */
function EditRow({ record, now, forms }: { record: DnsRecord; now: number; forms: RowForms }) {
  const id = String(record.id);
  const refused = forms.refused?.id === id ? forms.refused : undefined;
  const errors = refused?.errors ?? noErrors;
  const form = `row-${id}`;
  const what = `${record.name} ${record.type}`;
  const { zone, name, type, value, view } = record;
  const page = address("/zones/{zone}/record", { zone }, { name, type, value, view });
  return (
    <tr>
      <NameCells record={record} now={now} />
      <td class="value" data-label="Value">
        <input
          form={form}
          id={`value-${id}`}
          name="value"
          class="mono"
          value={refused?.value ?? value}
          aria-label={`Value of ${what}`}
          required
          autocomplete="off"
          spellcheck={false}
          {...errorAttributes(`value-${id}`, errors.fields["value"])}
        />
        <FieldError id={`value-${id}`} error={errors.fields["value"]} />
      </td>
      <td class="ttl" data-label="TTL">
        <input
          form={form}
          id={`ttl-${id}`}
          name="ttl"
          value={refused?.ttl ?? String(record.ttl)}
          aria-label={`TTL of ${what} in seconds`}
          autocomplete="off"
          {...errorAttributes(`ttl-${id}`, errors.fields["ttl"])}
        />
        <FieldError id={`ttl-${id}`} error={errors.fields["ttl"]} />
      </td>
      <td class="row-actions">
        <form method="post" action={forms.action} id={form}>
          <CsrfField visit={forms.visit} />
          <input type="hidden" name="id" value={id} />
          <input type="hidden" name="name" value={name} />
          <input type="hidden" name="type" value={type} />
          <input type="hidden" name="view" value={view} />
          <input type="hidden" name="old_value" value={value} />
          <button type="submit" class="quiet" aria-label={`Save ${what}`}>Save</button>
          <a href={page} aria-label={`More about ${what}`}>More</a>
          <a href={`${page}#delete`} class="bad" aria-label={`Delete ${what}`}>Delete</a>
        </form>
      </td>
    </tr>
  );
}

async function addRecord(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const draft = readDraft(visit.form);
  const zone = visit.param("zone");
  try {
    const record = await desk.records.createRecord({
      zone,
      name: draft.name,
      type: draft.otherType === "" ? draft.type : draft.otherType,
      value: draft.value,
      ttl: parseSeconds(draft.ttl, "ttl", 0),
      view: draft.view,
      expiresIn: parseSeconds(draft.expires, "expires", 0),
      withPtr: draft.withPtr,
    });
    return visit.redirect(listAddress(desk, "1"), `${record.name} ${record.type} ${shown(record.value)} added.`);
  } catch (error) {
    const errors = formErrors(error, addFields, { expires_in: "expires" });
    return showRecords(desk, { form: "add", draft, errors });
  }
}

async function changeInPlace(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const { form } = visit;
  const given = (name: string) => form.optional(name)?.trim() ?? "";
  const [name, type, value, view] = [form.text("name"), form.text("type"), given("value"), given("view")];
  const key = { zone: visit.param("zone"), name, type, value: form.optional("old_value") ?? "", view };
  try {
    await changeRecord(desk.records, key, { value, ttl: parseSeconds(given("ttl"), "ttl", 0), view }, desk.now);
    return visit.redirect(listAddress(desk), `${name} ${type} is now ${shown(value)}.`);
  } catch (error) {
    const errors = formErrors(error, ["value", "ttl"], { values: "value" });
    return showRecords(desk, { form: "row", id: given("id"), value, ttl: given("ttl"), errors });
  }
}

/** The list as it was filtered when the form was sent. @param add "1" to have the form for a new record unfolded */
function listAddress({ visit }: Desk, add = ""): string {
  const [q, type, page] = [visit.query("q"), visit.query("type"), visit.query("page")];
  return zoneAddress(visit.param("zone"), "", { q, type, page, add });
}

/** A value short enough for a notice. */
export function shown(value: string): string {
  return value.length > 60 ? `${value.slice(0, 57)}…` : value;
}
