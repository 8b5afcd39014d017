/** A zone's SOA settings and views, and deleting it. */
import { invalid, quote } from "@lib/errors/mod.ts";
import { CsrfField, Field, FormError, type FormErrors, formErrors, noErrors } from "@lib/web/mod.ts";
import type { Zone } from "@proto/mcns/v1/mcns_pb.ts";
import { type Desk, type DeskRoute, zoneOf } from "./desk.ts";
import { parseSeconds, secondsText } from "./duration.ts";
import { countText, zoneAddress, zonePage } from "./zone_frame.tsx";
import { words } from "./zone_list_page.tsx";

export const settingsRoutes: DeskRoute[] = [
  { method: "GET", path: "/zones/{zone}/settings", handle: (desk) => showSettings(desk) },
  { method: "POST", path: "/zones/{zone}/settings", handle: save },
  { method: "POST", path: "/zones/{zone}/delete", handle: deleteZone },
];

/** The SOA's times: field, label, what it means. */
const times = [
  ["refresh", "Refresh", "Secondaries ask for changes this often."],
  ["retry", "Retry", "After a failed attempt they ask again after this."],
  ["expire", "Expire", "Without an answer for this long they stop answering."],
  ["minimum", "Negative TTL", "Caches remember for this long that a name doesn't exist."],
] as const;

const fields = ["primary_ns", "admin_email", "views", "confirm_name", ...times.map(([name]) => name)];

async function showSettings(desk: Desk, errors: FormErrors = noErrors): Promise<Response> {
  const zone = await zoneOf(desk);
  const content = desk.isAdmin
    ? (
      <>
        <SettingsForm desk={desk} zone={zone} errors={errors} />
        <DeleteForm desk={desk} zone={zone} errors={errors} />
      </>
    )
    : <Settings zone={zone} />;
  return zonePage(desk, zone, "/settings", content, { status: errors.status });
}

export function Settings({ zone }: { zone: Zone }) {
  return (
    <dl class="pairs">
      <dt>Primary name server</dt>
      <dd class="mono">{zone.primaryNs}</dd>
      <dt>Administrator</dt>
      <dd>{zone.adminEmail}</dd>
      {times.map(([name, label]) => (
        <>
          <dt>{label}</dt>
          <dd>{secondsText(zone[name])}</dd>
        </>
      ))}
      <dt>Views</dt>
      <dd>{zone.views.length === 0 ? "all clients" : zone.views.join(", ")}</dd>
    </dl>
  );
}

function SettingsForm({ desk, zone, errors }: { desk: Desk; zone: Zone; errors: FormErrors }) {
  const given = (name: string, stored: string) => desk.visit.form.optional(name) ?? stored;
  return (
    <form method="post" action={zoneAddress(zone.name, "/settings")} class="narrow">
      <CsrfField visit={desk.visit} />
      <FormError errors={errors} />
      {zone.kind === "secondary" ? <p class="notice">The SOA's settings come from the zone's primary.</p> : (
        <>
          <Field
            name="primary_ns"
            label="Primary name server"
            value={given("primary_ns", zone.primaryNs)}
            errors={errors}
            mono
          />
          <Field
            name="admin_email"
            label="Administrator's mail address"
            value={given("admin_email", zone.adminEmail)}
            errors={errors}
          />
          {times.map(([name, label, meaning]) => (
            <Field name={name} label={label} value={given(name, String(zone[name]))} errors={errors} hint={meaning} />
          ))}
        </>
      )}
      <Field
        name="views"
        label="Views"
        value={given("views", zone.views.join(" "))}
        errors={errors}
        hint="The zone is for clients in these only; empty: for all."
        mono
      />
      <p class="actions">
        <button type="submit">Save</button>
      </p>
    </form>
  );
}

function DeleteForm({ desk, zone, errors }: { desk: Desk; zone: Zone; errors: FormErrors }) {
  return (
    <form method="post" action={zoneAddress(zone.name, "/delete")} class="narrow danger">
      <h2>Delete the zone</h2>
      <CsrfField visit={desk.visit} />
      <p>
        Its {countText(zone.recordCount, "record")}{" "}
        go with it, and this can't be undone; who changed what in it stays known. Its zone file can be{" "}
        <a href={zoneAddress(zone.name, "/download")}>downloaded</a> first.
      </p>
      <Field
        name="confirm_name"
        label={
          <>
            Type <span class="mono">{zone.name}</span> to confirm
          </>
        }
        errors={errors}
        required
        mono
      />
      <p class="actions">
        <button type="submit" class="bad">Delete zone {zone.name}</button>
      </p>
    </form>
  );
}

async function save(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const { form } = visit;
  const zone = visit.param("zone");
  const text = (name: string) => form.optional(name) === undefined ? {} : { [name]: form.optional(name)!.trim() };
  try {
    const { primary_ns: primaryNs, admin_email: adminEmail } = { ...text("primary_ns"), ...text("admin_email") };
    await desk.zones.updateZone({
      zone,
      ...(primaryNs === undefined ? {} : { primaryNs }),
      ...(adminEmail === undefined ? {} : { adminEmail }),
      ...Object.fromEntries(
        times.filter(([name]) => form.optional(name) !== undefined).map(([name]) => [
          name,
          parseSeconds(form.text(name), name, 0),
        ]),
      ),
      setViews: form.optional("views") !== undefined,
      views: words(form.optional("views") ?? ""),
    });
    return visit.redirect(zoneAddress(zone, "/settings"), "Settings saved.");
  } catch (error) {
    return showSettings(desk, formErrors(error, fields));
  }
}

async function deleteZone(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const zone = visit.param("zone");
  const typed = (visit.form.optional("confirm_name") ?? "").trim();
  try {
    if (typed !== zone) throw invalid("confirm_name", `must be the zone's name ${quote(zone)}, got ${quote(typed)}`);
    await desk.zones.deleteZone({ zone });
    return visit.redirect("/zones", `Zone ${zone} deleted.`);
  } catch (error) {
    return showSettings(desk, formErrors(error, fields));
  }
}
