/** One record with everything about it: view, expiry, what it stands for; deleting it. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { notFound } from "@lib/errors/mod.ts";
import {
  address,
  CsrfField,
  Field,
  FormError,
  type FormErrors,
  formErrors,
  noErrors,
  RelativeTime,
  Tick,
} from "@lib/web/mod.ts";
import type { Record as DnsRecord } from "@proto/mcns/v1/mcns_pb.ts";
import { type Desk, type DeskRoute } from "./desk.ts";
import { parseSeconds } from "./duration.ts";
import { changeRecord, type RecordKey, recordsOf } from "./record_changes.ts";
import { shown } from "./records_page.tsx";
import { zoneAddress } from "./zone_frame.tsx";

export const recordRoutes: DeskRoute[] = [
  { method: "GET", path: "/zones/{zone}/record", handle: (desk) => showRecord(desk) },
  { method: "POST", path: "/zones/{zone}/record", handle: saveRecord },
  { method: "POST", path: "/zones/{zone}/delete-record", handle: deleteRecord },
];

const fields = ["value", "ttl", "view", "expires"];

/** The record that the address names. */
function keyOf({ visit }: Desk): RecordKey {
  return {
    zone: visit.param("zone"),
    name: visit.query("name"),
    type: visit.query("type"),
    // As it is: blanks may belong to it.
    value: visit.url.searchParams.get("value") ?? "",
    view: visit.query("view"),
  };
}

/** The address of the record's page, or of what its forms are sent to. */
function recordAddress({ zone, ...query }: RecordKey, page: "record" | "delete-record" = "record"): string {
  return address(`/zones/{zone}/${page}`, { zone }, query);
}

async function showRecord(desk: Desk, errors: FormErrors = noErrors): Promise<Response> {
  const { visit, isAdmin, now } = desk;
  const key = keyOf(desk);
  const all = await recordsOf(desk.records, key);
  const set = all.filter(({ view }) => view === key.view);
  const record = set.find(({ value }) => value === key.value);
  if (record === undefined) throw notFound(`${key.type} record at`, key.name);
  const title = `${record.name} ${record.type}`;
  return visit.page(
    `${title} in ${record.zone}`,
    <>
      <RecordFacts record={record} now={now} />
      {isAdmin ? <RecordForm desk={desk} record={record} others={set.length - 1} errors={errors} /> : null}
      {isAdmin ? <DeleteForm desk={desk} record={record} all={all} /> : null}
      <p>
        <a href={zoneAddress(record.zone)}>All records of {record.zone}</a>
      </p>
    </>,
    { heading: <span class="mono">{title}</span>, status: errors.status },
  );
}

function RecordFacts({ record, now }: { record: DnsRecord; now: number }) {
  const { service, lease, createdAt, updatedAt, expiresAt } = record;
  return (
    <dl class="pairs">
      <dt>Zone</dt>
      <dd>
        <a href={zoneAddress(record.zone)}>{record.zone}</a>
      </dd>
      <dt>Value</dt>
      <dd class="mono">{record.value}</dd>
      {service === "" ? null : (
        <>
          <dt>Stands for</dt>
          <dd>service {service}{lease === "" ? "" : `, lease ${lease}`}; it goes with it</dd>
        </>
      )}
      {expiresAt === undefined ? null : (
        <>
          <dt>Goes</dt>
          <dd>
            <RelativeTime at={timestampMs(expiresAt)} now={now} />
          </dd>
        </>
      )}
      {createdAt === undefined ? null : (
        <>
          <dt>Added</dt>
          <dd>
            <RelativeTime at={timestampMs(createdAt)} now={now} />
          </dd>
        </>
      )}
      {updatedAt === undefined ? null : (
        <>
          <dt>Changed</dt>
          <dd>
            <RelativeTime at={timestampMs(updatedAt)} now={now} />
          </dd>
        </>
      )}
    </dl>
  );
}

function RecordForm({ desk, record, others, errors }: {
  desk: Desk;
  record: DnsRecord;
  others: number;
  errors: FormErrors;
}) {
  const { form } = desk.visit;
  const given = (name: string, stored: string) => form.optional(name) ?? stored;
  const all = others === 0 ? "" : ` TTL and expiry hold for all ${others + 1} records of this name and type.`;
  return (
    <form method="post" action={recordAddress(record)} class="narrow">
      <h2>Change</h2>
      <CsrfField visit={desk.visit} />
      <FormError errors={errors} />
      <Field name="value" label="Value" value={given("value", record.value)} errors={errors} required mono />
      <Field
        name="ttl"
        label="TTL"
        value={given("ttl", String(record.ttl))}
        errors={errors}
        hint={`Seconds, or like 5m, 12h.${all}`}
      />
      <Field
        name="view"
        label="View"
        value={given("view", record.view)}
        errors={errors}
        hint="For clients of this view only; empty: for all."
      />
      <Field
        name="expires"
        label="Goes by itself after"
        value={given("expires", "")}
        errors={errors}
        hint={record.expiresAt === undefined ? "Like 30m, 12h, 7d. Empty: never." : "Empty: as it is. 0: never."}
      />
      <p class="actions">
        <button type="submit">Save</button> <a href={zoneAddress(record.zone)}>Cancel</a>
      </p>
    </form>
  );
}

/** @param all of the record's name and type, in every view */
function DeleteForm({ desk, record, all }: { desk: Desk; record: DnsRecord; all: readonly DnsRecord[] }) {
  // A deletion that names no view is for all of them.
  const along = record.view === "" ? all.filter(({ value, view }) => value === record.value && view !== "") : [];
  return (
    <form method="post" action={recordAddress(record, "delete-record")} class="narrow danger" id="delete">
      <h2>Delete</h2>
      <CsrfField visit={desk.visit} />
      <p>
        Names that were answered with it no longer are as soon as caches have forgotten it, after at most {record.ttl}
        {" "}
        s. History can bring it back.
      </p>
      {along.length === 0
        ? null
        : <p class="notice">The same record goes in view {along.map(({ view }) => view).join(", ")} too.</p>}
      {record.type === "A" || record.type === "AAAA" ? <Tick name="with_ptr" label="With its PTR record" /> : null}
      <p class="actions">
        <button type="submit" class="bad">Delete {record.name} {record.type}</button>
      </p>
    </form>
  );
}

async function saveRecord(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const given = (name: string) => visit.form.optional(name)?.trim() ?? "";
  const key = keyOf(desk);
  try {
    const expires = given("expires");
    const edit = {
      value: given("value"),
      ttl: parseSeconds(given("ttl"), "ttl", 0),
      view: given("view"),
      ...(expires === "" ? {} : { expiresIn: parseSeconds(expires, "expires", 0) }),
    };
    await changeRecord(desk.records, key, edit, desk.now);
    return visit.redirect(zoneAddress(key.zone), `${key.name} ${key.type} is now ${shown(edit.value)}.`);
  } catch (error) {
    return showRecord(desk, formErrors(error, fields, { values: "value", expires_in: "expires" }));
  }
}

async function deleteRecord(desk: Desk): Promise<Response> {
  const key = keyOf(desk);
  const { deleted } = await desk.records.deleteRecords({ ...key, withPtr: desk.visit.form.checked("with_ptr") });
  const text = deleted === 0 ? "was deleted already" : "deleted";
  return desk.visit.redirect(zoneAddress(key.zone), `${key.name} ${key.type} ${shown(key.value)} ${text}.`);
}
