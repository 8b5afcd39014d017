/** A zone as a zone file: to read, to download, to paste a new one, with the difference shown before it counts. */
import { conflict } from "@lib/errors/mod.ts";
import { CsrfField, Field, FormError, type FormErrors, formErrors, noErrors } from "@lib/web/mod.ts";
import type { ImportZoneResponse, Zone } from "@proto/mcns/v1/mcns_pb.ts";
import { type Desk, type DeskRoute, zoneOf } from "./desk.ts";
import { Difference } from "./difference.tsx";
import { countText, zoneAddress, zonePage } from "./zone_frame.tsx";

// Percent encoding makes a form up to three times the size of its text.
const maxFormBytes = 8 * 1024 * 1024;

export const zoneFileRoutes: DeskRoute[] = [
  { method: "GET", path: "/zones/{zone}/file", handle: (desk) => showFile(desk) },
  { method: "GET", path: "/zones/{zone}/download", handle: download },
  { method: "POST", path: "/zones/{zone}/file", maxFormBytes, handle: importFile },
];

/** Longest file shown in the page; a longer one is for downloading. */
const maxShown = 64 * 1024;

async function showFile(desk: Desk, errors: FormErrors = noErrors): Promise<Response> {
  const zone = await zoneOf(desk);
  const { text } = await desk.zones.exportZone({ zone: zone.name });
  const typed = desk.visit.form.optional("text");
  const content = (
    <>
      <p class="actions">
        <a class="button quiet" href={zoneAddress(zone.name, "/download")}>Download</a>
        {zone.signed
          ? (
            <a class="button quiet" href={zoneAddress(zone.name, "/download", { published: "1" })}>
              Download with signatures
            </a>
          )
          : null}
      </p>
      {text.length > maxShown
        ? <p class="notice">The zone is too long to be shown here; download it.</p>
        : <pre tabindex={0} aria-label={`Zone file of ${zone.name}`}>{text}</pre>}
      {desk.isAdmin && zone.kind !== "secondary"
        ? (
          <form method="post" action={zoneAddress(zone.name, "/file")}>
            <h2>Import</h2>
            <CsrfField visit={desk.visit} />
            <FormError errors={errors} />
            <Field
              name="text"
              label="New zone file"
              value={typed ?? ""}
              errors={errors}
              rows={10}
              hint="RFC 1035 format. The zone's records become exactly these; the difference is shown first."
              required
              mono
            />
            <p>
              <button type="submit">Show the difference</button>
            </p>
          </form>
        )
        : null}
    </>
  );
  return zonePage(desk, zone, "/file", content, { status: errors.status });
}

async function download(desk: Desk): Promise<Response> {
  const zone = await zoneOf(desk);
  const published = desk.visit.query("published") !== "";
  const { text } = await desk.zones.exportZone({ zone: zone.name, published });
  return new Response(text, {
    headers: {
      "content-type": "text/plain; charset=utf-8",
      // Names of zones have no quotes; what isn't a letter, digit, dot or hyphen could mean something to a file system.
      "content-disposition": `attachment; filename="${zone.name.replace(/[^a-z0-9.-]/g, "_")}.zone"`,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  });
}

async function importFile(desk: Desk): Promise<Response> {
  const { form } = desk.visit;
  const zone = await zoneOf(desk);
  // Browsers end the lines of a text area with CR LF.
  const text = (form.optional("text") ?? "").replaceAll("\r\n", "\n");
  const isConfirmed = form.checked("confirmed");
  try {
    if (isConfirmed && form.optional("serial") !== String(zone.serial)) {
      throw conflict("The zone was changed since the difference was shown", { hint: "Look at the new difference" });
    }
    const result = await desk.zones.importZone({ zone: zone.name, text, dryRun: !isConfirmed });
    if (!isConfirmed) return await showDifference(desk, zone, text, result);
    return desk.visit.redirect(zoneAddress(zone.name, "/history"), `Zone file imported, serial ${result.serial}.`);
  } catch (error) {
    return showFile(desk, formErrors(error, ["text"]));
  }
}

function showDifference(desk: Desk, zone: Zone, text: string, result: ImportZoneResponse): Promise<Response> {
  const { removed, added } = result;
  const isSame = removed.length + added.length === 0;
  const content = (
    <>
      <h2>Difference</h2>
      {isSame
        ? <p class="notice">The zone file holds what the zone has already. There is nothing to import.</p>
        : <p>{countText(removed.length, "record")} removed, {countText(added.length, "record")} added.</p>}
      <Difference removed={removed} added={added} />
      <form method="post" action={zoneAddress(zone.name, "/file")}>
        <CsrfField visit={desk.visit} />
        <input type="hidden" name="serial" value={String(zone.serial)} />
        <textarea name="text" hidden aria-hidden="true">{`\n${text}`}</textarea>
        <p class="actions">
          {isSame ? null : <button type="submit" name="confirmed" value="1">Import</button>}
          <a href={zoneAddress(zone.name, "/file")}>Cancel</a>
        </p>
      </form>
    </>
  );
  return zonePage(desk, zone, "/file", content, { title: `${zone.name}: difference` });
}
