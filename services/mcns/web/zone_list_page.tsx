/** The zones, and making a new one. */
import type { Child } from "@hono/hono/jsx";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  Choice,
  CsrfField,
  Field,
  type Form,
  FormError,
  type FormErrors,
  formErrors,
  noErrors,
  RelativeTime,
  Tick,
} from "@lib/web/mod.ts";
import type { ListZonesResponse, Zone } from "@proto/mcns/v1/mcns_pb.ts";
import { type Desk, type DeskRoute, pageOf } from "./desk.ts";
import { Pager, zoneAddress, ZoneMarks } from "./zone_frame.tsx";

const path = "/zones";
const newPath = "/new-zone";

export const zoneListRoutes: DeskRoute[] = [
  { method: "GET", path, handle: showZones },
  { method: "GET", path: newPath, handle: (desk) => showNewZone(desk) },
  { method: "POST", path: newPath, handle: createZone },
];

async function showZones(desk: Desk): Promise<Response> {
  const page = pageOf(desk, 100);
  return desk.visit.page(
    "Zones",
    <ZoneList
      list={await desk.zones.listZones(page)}
      isFirst={page.pageToken === ""}
      isAdmin={desk.isAdmin}
      now={desk.now}
    />,
  );
}

export function ZoneList({ list, isFirst, isAdmin, now }: {
  list: Pick<ListZonesResponse, "zones" | "nextPageToken">;
  isFirst: boolean;
  isAdmin: boolean;
  now: number;
}) {
  return (
    <>
      {isAdmin
        ? (
          <p class="actions beside">
            <a class="button" href={newPath}>New zone</a>
          </p>
        )
        : null}
      {list.zones.length === 0
        ? <p class="empty">There are no zones here{isAdmin ? " yet" : ""}.</p>
        : (
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Zone</th>
                <th scope="col" class="number">Records</th>
                <th scope="col">Serial</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>{list.zones.map((zone) => <ZoneRow zone={zone} now={now} />)}</tbody>
          </table>
        )}
      <Pager path={path} query={{}} next={list.nextPageToken} isFirst={isFirst} />
    </>
  );
}

function ZoneRow({ zone, now }: { zone: Zone; now: number }) {
  return (
    <tr>
      <th scope="row">
        <a href={zoneAddress(zone.name)}>{zone.name}</a> <ZoneMarks zone={zone} />
      </th>
      <td class="number" data-label="Records">{zone.recordCount.toLocaleString("en")}</td>
      <td class="mono" data-label="Serial">{zone.serial}</td>
      <td data-label="Changed">
        {zone.updatedAt === undefined ? "" : <RelativeTime at={timestampMs(zone.updatedAt)} now={now} />}
      </td>
    </tr>
  );
}

const fields = ["name", "primary_ns", "admin_email", "primaries", "views", "kind"];

function showNewZone(desk: Desk, form: Form = desk.visit.form, errors: FormErrors = noErrors): Promise<Response> {
  const given = (name: string) => form.optional(name) ?? "";
  const content: Child = desk.isAdmin
    ? (
      <form method="post" action={newPath} class="narrow">
        <CsrfField visit={desk.visit} />
        <FormError errors={errors} />
        <Field name="name" label="Name" value={given("name")} errors={errors} placeholder="example.org" required mono />
        <Field
          name="primary_ns"
          label="Primary name server"
          value={given("primary_ns")}
          errors={errors}
          hint="Empty: ns1 in the zone."
          mono
        />
        <Field
          name="admin_email"
          label="Administrator's mail address"
          value={given("admin_email")}
          errors={errors}
          hint="Empty: hostmaster in the zone."
        />
        <Choice
          name="kind"
          label="Kind"
          value={given("kind")}
          errors={errors}
          options={[["primary", "Primary: changed here"], ["secondary", "Secondary: transferred from another server"]]}
        />
        <Field
          name="primaries"
          label="Servers to transfer from"
          value={given("primaries")}
          errors={errors}
          hint="For a secondary: one ip:port per line."
          rows={2}
          mono
        />
        <Field
          name="views"
          label="Views"
          value={given("views")}
          errors={errors}
          hint="Names of views that the zone is limited to, with blanks between. Empty: for all clients."
          mono
        />
        <Tick name="is_catalog" label="It is a catalog zone (RFC 9432)" ticked={form.checked("is_catalog")} />
        <p class="actions">
          <button type="submit">Create zone</button> <a href={path}>Cancel</a>
        </p>
      </form>
    )
    : <p class="notice">Only admins make zones.</p>;
  return desk.visit.page("New zone", content, { status: errors.status });
}

async function createZone(desk: Desk): Promise<Response> {
  const { form } = desk.visit;
  const given = (name: string) => form.optional(name)?.trim() ?? "";
  try {
    const zone = await desk.zones.createZone({
      name: given("name"),
      primaryNs: given("primary_ns"),
      adminEmail: given("admin_email"),
      kind: given("kind"),
      primaries: words(given("primaries")),
      views: words(given("views")),
      isCatalog: form.checked("is_catalog"),
    });
    return desk.visit.redirect(zoneAddress(zone.name), `Zone ${zone.name} created.`);
  } catch (error) {
    return showNewZone(desk, form, formErrors(error, fields));
  }
}

/** What stands between blanks, commas and line ends. */
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
