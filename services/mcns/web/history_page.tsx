/** Who changed what in a zone, and taking a change back. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { PlatformError } from "@lib/errors/mod.ts";
import { CsrfField, Field, FormError, type FormErrors, formErrors, noErrors, RelativeTime } from "@lib/web/mod.ts";
import type { Visit } from "@lib/web/mod.ts";
import type { Change } from "@proto/mcns/v1/mcns_pb.ts";
import { type Desk, type DeskRoute, pageOf, zoneOf } from "./desk.ts";
import { Difference } from "./difference.tsx";
import { Pager, zoneAddress, zonePage } from "./zone_frame.tsx";

export const historyRoutes: DeskRoute[] = [
  { method: "GET", path: "/zones/{zone}/history", handle: (desk) => showHistory(desk) },
  { method: "POST", path: "/zones/{zone}/undo", handle: undo },
];

/** How many lines of a change are shown at once; the others unfold. */
const shownLines = 12;

async function showHistory(desk: Desk, errors: FormErrors = noErrors): Promise<Response> {
  const zone = await zoneOf(desk);
  const { visit } = desk;
  const name = visit.query("name");
  const page = pageOf(desk, 30);
  const list = await desk.zones.listChanges({ zone: zone.name, name, ...page });
  const here = { name, page: page.pageToken };
  const content = (
    <>
      <FormError errors={errors} />
      <form method="get" action={zoneAddress(zone.name, "/history")} class="filter" role="search">
        <Field name="name" label="Changes of one name" value={name} mono />
        <button type="submit" class="quiet">Filter</button>
        {name === "" ? null : <a href={zoneAddress(zone.name, "/history")}>Show all</a>}
      </form>
      {list.changes.length === 0
        ? <p class="empty">No changes{name === "" ? " yet" : ` of ${name}`}.</p>
        : (
          <ol class="changes">
            {list.changes.map((change) => (
              <ChangeItem
                change={change}
                now={desk.now}
                {...(desk.isAdmin
                  ? { undoing: { visit, here, asked: visit.query("undo") === String(change.id) } }
                  : {})}
              />
            ))}
          </ol>
        )}
      <Pager
        path={zoneAddress(zone.name, "/history")}
        query={{ name }}
        next={list.nextPageToken}
        isFirst={page.pageToken === ""}
      />
    </>
  );
  return zonePage(desk, zone, "/history", content, { status: errors.status });
}

export interface Undoing {
  readonly visit: Visit;
  /** The list's own query. */
  readonly here: Record<string, string>;
  /** Whether to undo this one was asked for, and waits to be confirmed. */
  readonly asked: boolean;
}

/** @param undoing absent: to read only */
export function ChangeItem({ change, now, undoing }: { change: Change; now: number; undoing?: Undoing }) {
  const { id, zone, at, actor, remote, action, serialBefore, serial, removed, added, undoes, undoneBy } = change;
  const lines = removed.length + added.length;
  const difference = <Difference removed={removed} added={added} />;
  return (
    <li id={`change-${id}`}>
      <div class="change-head">
        <strong>{actor}</strong> <span>{actionText(action)}</span>{" "}
        {at === undefined ? null : <RelativeTime at={timestampMs(at)} now={now} />}
        <span class="faint">
          #{String(id)}, serial {serialBefore} → {serial}
          {remote === "" ? "" : `, from ${remote}`}
        </span>
        {undoes === 0n ? null : <a class="mark" href={`#change-${undoes}`}>takes back #{String(undoes)}</a>}
        {undoneBy === 0n ? null : <a class="mark" href={`#change-${undoneBy}`}>taken back by #{String(undoneBy)}</a>}
        {undoing === undefined || undoneBy !== 0n || undoing.asked || lines === 0 ? null : (
          <a
            class="button quiet"
            href={zoneAddress(zone, "/history", { ...undoing.here, undo: String(id) }) + `#change-${id}`}
            aria-label={`Undo change ${id}`}
          >
            Undo
          </a>
        )}
      </div>
      {lines <= shownLines ? difference : (
        <details open={undoing?.asked === true}>
          <summary>{removed.length} lines removed, {added.length} added</summary>
          {difference}
        </details>
      )}
      {undoing?.asked ? <ConfirmUndo change={change} undoing={undoing} /> : null}
    </li>
  );
}

function ConfirmUndo({ change, undoing }: { change: Change; undoing: Undoing }) {
  const { id, zone, removed, added } = change;
  return (
    <form method="post" action={zoneAddress(zone, "/undo", undoing.here)} class="confirm">
      <CsrfField visit={undoing.visit} />
      <input type="hidden" name="id" value={String(id)} />
      <p>Undoing change #{String(id)} makes this change:</p>
      <Difference removed={added} added={removed} />
      <p class="actions">
        <button type="submit">Undo change #{String(id)}</button>{" "}
        <a href={zoneAddress(zone, "/history", undoing.here)}>Cancel</a>
      </p>
    </form>
  );
}

const actions: Record<string, string> = {
  "record.add": "added a record",
  "record.set": "set records",
  "record.delete": "deleted records",
  "record.delete_owned": "removed a service's records",
  "record.expire": "let records go at their end",
  "record.ptr": "changed PTR records with their addresses",
  "zone.create": "made the zone",
  "zone.update": "changed the zone's settings",
  "zone.import": "imported a zone file",
  "zone.delete": "deleted the zone",
  "dnssec.sign": "signed the zone",
  "dnssec.unsign": "took the signatures away",
  update: "sent a dynamic update",
  transfer: "transferred the zone",
  undo: "took a change back",
};

const actionText = (action: string): string => actions[action] ?? action;

async function undo(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const zone = visit.param("zone");
  const id = visit.form.text("id");
  if (!/^\d{1,18}$/.test(id)) throw new PlatformError("invalid", "The form names no change", { field: "id" });
  try {
    const change = await desk.zones.undoChange({ zone, id: BigInt(id) });
    return visit.redirect(zoneAddress(zone, "/history"), `Change #${id} undone, serial ${change.serial}.`);
  } catch (error) {
    return showHistory(desk, formErrors(error, []));
  }
}
