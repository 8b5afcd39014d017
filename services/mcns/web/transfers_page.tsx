/** Which servers a zone comes from and goes to, and how that goes. */
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { invalid, quote } from "@lib/errors/mod.ts";
import { CsrfField, Field, FormError, type FormErrors, formErrors, noErrors, RelativeTime } from "@lib/web/mod.ts";
import type { Transfer, ZonePeer } from "@proto/mcns/v1/transfer_pb.ts";
import { type Desk, type DeskRoute, zoneOf } from "./desk.ts";
import { zoneAddress, zonePage } from "./zone_frame.tsx";

export const transferRoutes: DeskRoute[] = [
  { method: "GET", path: "/zones/{zone}/transfers", handle: (desk) => showTransfers(desk) },
  { method: "POST", path: "/zones/{zone}/transfers", handle: act },
];

async function showTransfers(desk: Desk, errors: FormErrors = noErrors): Promise<Response> {
  const zone = await zoneOf(desk);
  const state = await desk.transfer.getTransfer({ zone: zone.name });
  const content = (
    <>
      <FormError errors={errors} />
      <TransferState state={state} now={desk.now} />
      {desk.isAdmin ? <PeerForms desk={desk} state={state} catalog={zone.catalog} errors={errors} /> : null}
    </>
  );
  return zonePage(desk, zone, "/transfers", content, { status: errors.status });
}

export function TransferState({ state, now }: { state: Transfer; now: number }) {
  const { kind, primaries, secondaries, error, expired, checkedAt, transferredAt, expiresAt, notifies } = state;
  const isSecondary = kind === "secondary";
  return (
    <>
      {expired
        ? (
          <p class="notice bad" role="alert">
            The zone has expired: no primary has confirmed it in time, and queries get SERVFAIL.
          </p>
        )
        : null}
      {error === "" ? null : <p class="notice bad">Last transfer failed: {error}</p>}
      <dl class="pairs">
        <dt>Kind</dt>
        <dd>{isSecondary ? "Secondary" : "Primary"}</dd>
        {isSecondary
          ? (
            <>
              <dt>Comes from</dt>
              <dd>
                <Peers peers={primaries} none="no server yet" />
              </dd>
            </>
          )
          : null}
        <Moment name="Checked" at={checkedAt} now={now} />
        <Moment name="Transferred" at={transferredAt} now={now} />
        <Moment name="Expires" at={expiresAt} now={now} />
        <dt>Goes to</dt>
        <dd>
          <Peers peers={secondaries} none="nobody" />
        </dd>
      </dl>
      {notifies.length === 0 ? null : (
        <>
          <h2>Last NOTIFY</h2>
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Server</th>
                <th scope="col">Serial</th>
                <th scope="col">Answer</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {notifies.map((notify) => (
                <tr>
                  <th scope="row" class="mono">{notify.address}</th>
                  <td class="mono" data-label="Serial">{notify.serial}</td>
                  <td data-label="Answer">
                    {notify.acknowledged
                      ? <span class="mark good">acknowledged</span>
                      : <span class="mark bad">{notify.error || "none yet"}</span>}
                  </td>
                  <td data-label="When">
                    {notify.at === undefined ? "" : <RelativeTime at={timestampMs(notify.at)} now={now} />}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

function Moment({ name, at, now }: { name: string; at: Timestamp | undefined; now: number }) {
  if (at === undefined) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <RelativeTime at={timestampMs(at)} now={now} />
      </dd>
    </>
  );
}

function Peers({ peers, none }: { peers: readonly ZonePeer[]; none: string }) {
  if (peers.length === 0) return <span class="faint">{none}</span>;
  return (
    <ul class="plain">
      {peers.map(({ address, tsigKey, tlsName }) => (
        <li>
          <span class="mono">{address}</span> {tsigKey === "" ? null : <span class="mark">TSIG {tsigKey}</span>}
          {tlsName === "" ? null : <span class="mark">TLS {tlsName}</span>}
        </li>
      ))}
    </ul>
  );
}

function PeerForms({ desk, state, catalog, errors }: {
  desk: Desk;
  state: Transfer;
  catalog: string;
  errors: FormErrors;
}) {
  const { form } = desk.visit;
  const action = zoneAddress(state.zone, "/transfers");
  const isSecondary = state.kind === "secondary";
  return (
    <>
      <form method="post" action={action} class="actions">
        <CsrfField visit={desk.visit} />
        <button type="submit" name="act" value="refresh" class="quiet">
          {isSecondary ? "Ask the primaries now" : "Notify the secondaries now"}
        </button>
      </form>
      <form method="post" action={action} class="narrow">
        <h2>Servers</h2>
        <CsrfField visit={desk.visit} />
        {isSecondary
          ? (
            <Field
              name="primaries"
              label="Comes from"
              value={form.optional("primaries") ?? peerLines(state.primaries)}
              errors={errors}
              rows={3}
              hint="One server per line: ip:port, then if need be key=<TSIG key> and tls=<name in its certificate>."
              mono
            />
          )
          : null}
        <Field
          name="secondaries"
          label="Goes to"
          value={form.optional("secondaries") ?? peerLines(state.secondaries)}
          errors={errors}
          rows={3}
          hint="One per line: ip:port to be notified, or network/bits that may transfer; then if need be key=<TSIG key>."
          mono
        />
        <p class="actions">
          <button type="submit" name="act" value="peers">Save</button>
        </p>
      </form>
      {isSecondary ? null : (
        <form method="post" action={action} class="narrow">
          <h2>Catalog</h2>
          <CsrfField visit={desk.visit} />
          <Field
            name="catalog"
            label="Catalog zone"
            value={form.optional("catalog") ?? catalog}
            errors={errors}
            hint="Secondaries of that zone learn of this one by themselves (RFC 9432). Empty: in none."
            mono
          />
          <p class="actions">
            <button type="submit" name="act" value="catalog" class="quiet">Save</button>
          </p>
        </form>
      )}
    </>
  );
}

/** Peers as their form shows them; `parsePeers` reads it. */
export function peerLines(peers: readonly ZonePeer[]): string {
  return peers.map(({ address, tsigKey, tlsName }) =>
    [address, tsigKey === "" ? "" : `key=${tsigKey}`, tlsName === "" ? "" : `tls=${tlsName}`]
      .filter((part) => part !== "").join(" ")
  ).join("\n");
}

/**
 * A line each. What the operation doesn't take it says itself, with the address.
 * @throws PlatformError `invalid` on `field` for a word that is none of ours
 */
export function parsePeers(text: string, field: string): { address: string; tsigKey: string; tlsName: string }[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").map((line) => {
    const [address = "", ...words] = line.split(/\s+/);
    const peer = { address, tsigKey: "", tlsName: "" };
    for (const word of words) {
      const [, name, value] = /^(key|tls)=(.+)$/.exec(word) ?? [];
      if (value === undefined) {
        throw invalid(field, `an address is followed by key=NAME or tls=NAME, got ${quote(word)}`);
      }
      if (name === "key") peer.tsigKey = value;
      else peer.tlsName = value;
    }
    return peer;
  });
}

async function act(desk: Desk): Promise<Response> {
  const { visit, transfer } = desk;
  const zone = visit.param("zone");
  const { form } = visit;
  const here = zoneAddress(zone, "/transfers");
  try {
    switch (form.text("act")) {
      case "refresh":
        await transfer.refreshZone({ zone });
        return visit.redirect(here, "Done; the answers are below.");
      case "peers":
        await transfer.setTransfer({
          zone,
          primaries: parsePeers(form.optional("primaries") ?? "", "primaries"),
          secondaries: parsePeers(form.optional("secondaries") ?? "", "secondaries"),
        });
        return visit.redirect(here, "Servers saved.");
      case "catalog": {
        const catalog = form.optional("catalog")?.trim() ?? "";
        await transfer.setCatalog({ zone, catalog });
        return visit.redirect(here, catalog === "" ? "In no catalog any more." : `Now in catalog ${catalog}.`);
      }
      default:
        return visit.redirect(here);
    }
  } catch (error) {
    return showTransfers(desk, formErrors(error, ["primaries", "secondaries", "catalog"]));
  }
}
