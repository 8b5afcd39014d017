/** How a zone is signed: keys, what the parent needs to know, what happens next. */
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  Choice,
  CsrfField,
  Field,
  FormError,
  type FormErrors,
  formErrors,
  noErrors,
  RelativeTime,
  Tick,
  type Visit,
} from "@lib/web/mod.ts";
import type { Dnssec, DnssecKey } from "@proto/mcns/v1/dnssec_pb.ts";
import { type Desk, type DeskRoute, zoneOf } from "./desk.ts";
import { parseSeconds } from "./duration.ts";
import { zoneAddress, zonePage } from "./zone_frame.tsx";

export const dnssecRoutes: DeskRoute[] = [
  { method: "GET", path: "/zones/{zone}/dnssec", handle: (desk) => showDnssec(desk) },
  { method: "POST", path: "/zones/{zone}/dnssec", handle: act },
];

async function showDnssec(desk: Desk, errors: FormErrors = noErrors): Promise<Response> {
  const zone = await zoneOf(desk);
  const state = await desk.dnssec.getDnssec({ zone: zone.name });
  const mayChange = desk.isAdmin && zone.kind !== "secondary";
  const content = (
    <>
      <FormError errors={errors} />
      <DnssecState state={state} now={desk.now} />
      {mayChange && state.waitsForDs ? <DsForm visit={desk.visit} state={state} /> : null}
      {mayChange && !state.signed ? <SignForm desk={desk} zone={zone.name} errors={errors} /> : null}
      {mayChange && state.signed ? <KeyForms desk={desk} state={state} /> : null}
    </>
  );
  return zonePage(desk, zone, "/dnssec", content, { status: errors.status });
}

export function DnssecState({ state, now }: { state: Dnssec; now: number }) {
  if (!state.signed) return <p class="empty">The zone is not signed.</p>;
  const { algorithm, denial, keys, ds, trustAnchors, nextEvent, nextEventAt, signaturesExpireAt } = state;
  return (
    <>
      <dl class="pairs">
        <dt>Signed with</dt>
        <dd>{algorithm}, {denial.toUpperCase()}</dd>
        {signaturesExpireAt === undefined ? null : (
          <>
            <dt>First signature ends</dt>
            <dd>
              <Time at={signaturesExpireAt} now={now} />
            </dd>
          </>
        )}
        {nextEvent === "" ? null : (
          <>
            <dt>Next</dt>
            <dd>
              {nextEvent} {nextEventAt === undefined ? null : <Time at={nextEventAt} now={now} />}
            </dd>
          </>
        )}
      </dl>
      <h2>Keys</h2>
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Key tag</th>
            <th scope="col">Role</th>
            <th scope="col">Algorithm</th>
            <th scope="col">State</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>{keys.map((key) => <KeyRow state={key} now={now} />)}</tbody>
      </table>
      <h2 id="ds">DS for the parent</h2>
      {ds.length === 0
        ? <p class="empty">None to give out now; above is what comes next.</p>
        : <pre class="copy" tabindex={0} aria-labelledby="ds">{ds.join("\n")}</pre>}
      {trustAnchors.length === 0 ? null : (
        <details>
          <summary>Trust anchor, for validators</summary>
          <pre class="copy" tabindex={0} aria-label="Trust anchor">{trustAnchors.join("\n")}</pre>
        </details>
      )}
    </>
  );
}

function KeyRow({ state: { tag, role, algorithm, state, stateSince }, now }: { state: DnssecKey; now: number }) {
  return (
    <tr>
      <th scope="row" class="mono">{tag}</th>
      <td data-label="Role">{role.toUpperCase()}</td>
      <td data-label="Algorithm">{algorithm}</td>
      <td data-label="State">
        <span class={state === "active" ? "mark good" : "mark"}>{state}</span>
      </td>
      <td data-label="Since">{stateSince === undefined ? "" : <Time at={stateSince} now={now} />}</td>
    </tr>
  );
}

function Time({ at, now }: { at: Timestamp; now: number }) {
  return <RelativeTime at={timestampMs(at)} now={now} />;
}

/** Without a DS to give out, the zone is on its way to be unsigned. */
export function DsForm({ visit, state: { zone, ds } }: { visit: Visit; state: Dnssec }) {
  return (
    <form method="post" action={zoneAddress(zone, "/dnssec")} class="notice">
      <CsrfField visit={visit} />
      <p>
        {ds.length === 0
          ? "Have the parent zone remove its DS records, at the registrar or whoever runs it. When it has none left, confirm it here: the zone becomes unsigned once every cache has forgotten them."
          : "Give these DS records to the parent zone, at the registrar or whoever runs it. When it has them, and no others, confirm it here: the rollover goes on then."}
      </p>
      <button type="submit" name="act" value="confirm-ds">
        {ds.length === 0 ? "The parent has no DS records any more" : "The parent has these DS records"}
      </button>
    </form>
  );
}

function SignForm({ desk, zone, errors }: { desk: Desk; zone: string; errors: FormErrors }) {
  const { form } = desk.visit;
  return (
    <form method="post" action={zoneAddress(zone, "/dnssec")} class="narrow">
      <h2>Sign</h2>
      <CsrfField visit={desk.visit} />
      <Choice
        name="algorithm"
        label="Algorithm"
        value={form.optional("algorithm") ?? "ecdsap256sha256"}
        errors={errors}
        options={[
          ["ecdsap256sha256", "ECDSA P-256: known everywhere"],
          ["ed25519", "Ed25519: faster, not known to old resolvers"],
        ]}
      />
      <Choice
        name="denial"
        label="Proof that a name doesn't exist"
        value={form.optional("denial") ?? "nsec"}
        errors={errors}
        options={[["nsec", "NSEC: names can be listed"], ["nsec3", "NSEC3: names are hashed"]]}
      />
      <Tick
        name="split_keys"
        label="Two keys: one for the parent (KSK), one for the records (ZSK)"
        ticked={form.checked("split_keys")}
      />
      <Field
        name="propagation"
        label="Every secondary has a change after"
        value={form.optional("propagation") ?? ""}
        errors={errors}
        placeholder="1h"
      />
      <p class="actions">
        <button type="submit" name="act" value="sign">Sign the zone</button>
      </p>
    </form>
  );
}

function KeyForms({ desk, state: { zone, keys } }: { desk: Desk; state: Dnssec }) {
  const roles = [...new Set(keys.map(({ role }) => role))].sort();
  return (
    <>
      <form method="post" action={zoneAddress(zone, "/dnssec")} class="narrow">
        <h2>Roll a key</h2>
        <CsrfField visit={desk.visit} />
        <Choice
          name="role"
          label="Key"
          value={roles[0] ?? ""}
          options={roles.map((role) => [role, role.toUpperCase()] as const)}
        />
        <p class="actions">
          <button type="submit" name="act" value="roll" class="quiet">Start the rollover</button>
        </p>
      </form>
      <form method="post" action={zoneAddress(zone, "/dnssec")} class="narrow danger">
        <h2>Unsign</h2>
        <CsrfField visit={desk.visit} />
        <p>
          First have the parent remove its DS records and wait until caches have forgotten them: while a DS stands
          there, validating resolvers take an unsigned zone for a forgery.
        </p>
        <Tick name="force" label="The parent has no DS for this zone, or it doesn't matter" />
        <p class="actions">
          <button type="submit" name="act" value="unsign" class="bad">Take signatures and keys away</button>
        </p>
      </form>
    </>
  );
}

async function act(desk: Desk): Promise<Response> {
  const { visit, dnssec } = desk;
  const zone = visit.param("zone");
  const { form } = visit;
  const here = zoneAddress(zone, "/dnssec");
  try {
    switch (form.text("act")) {
      case "sign":
        await dnssec.signZone({
          zone,
          algorithm: form.text("algorithm"),
          denial: form.text("denial"),
          splitKeys: form.checked("split_keys"),
          propagationSeconds: parseSeconds(form.optional("propagation") ?? "", "propagation", 0),
        });
        return visit.redirect(here, "The zone is signed. Its parent gets the DS once every cache can have the key.");
      case "roll":
        await dnssec.rollKey({ zone, role: form.text("role") });
        return visit.redirect(here, "The rollover has begun.");
      case "confirm-ds":
        await dnssec.confirmDs({ zone });
        return visit.redirect(here, "Noted; below is what comes next.");
      case "unsign":
        await dnssec.unsignZone({ zone, force: form.checked("force") });
        // Not yet, where the parent may have a DS: that goes first.
        return visit.redirect(
          here,
          (await dnssec.getDnssec({ zone })).signed
            ? "The zone becomes unsigned when its parent has no DS any more."
            : "The zone is no longer signed.",
        );
      default:
        return visit.redirect(here);
    }
  } catch (error) {
    return showDnssec(
      desk,
      formErrors(error, ["algorithm", "denial", "propagation"], {
        propagation_seconds: "propagation",
      }),
    );
  }
}
