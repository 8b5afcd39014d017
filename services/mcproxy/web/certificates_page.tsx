/**
 * The certificates that are served: whose, how long still, and what is wrong with them.
 * @module
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { CsrfField, RelativeTime } from "@lib/web/mod.ts";
import type { Certificate } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { countOf } from "./amounts.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { routeAddress } from "./route_address.ts";

const path = "/certificates";
const dayMs = 86_400_000;
/** As the health has it by default: what is renewed by itself is renewed before. */
const soonDays = 14;

export const certificatesRoutes: DeskRoute[] = [
  { method: "GET", path, handle: showCertificates },
  { method: "POST", path: `${path}/reload`, handle: reload },
];

async function showCertificates(desk: Desk): Promise<Response> {
  const { certificates } = await desk.certificates.listCertificates({});
  return await desk.visit.page(
    "Certificates",
    <>
      <form method="post" action={`${path}/reload`} class="actions beside">
        <CsrfField visit={desk.visit} />
        <button type="submit" class="quiet">Read the files again</button>
      </form>
      {certificates.length === 0
        ? <p class="empty">No route ends TLS here, so there are no certificates.</p>
        : <CertificateTable certificates={certificates} now={desk.now} />}
    </>,
  );
}

async function reload(desk: Desk): Promise<Response> {
  const { certificates } = await desk.certificates.reloadCertificates({});
  const bad = certificates.filter(({ error }) => error !== "").length;
  const whole = `${countOf(certificates.length, "certificate")} looked at`;
  return desk.visit.redirect(path, bad === 0 ? `${whole}, all are well.` : `${whole}, ${bad} can't be served.`);
}

/** What needs a look first: those with errors, then by their end. */
function urgency({ error, notAfter, clientCaError, clientCaNotAfter }: Certificate): number {
  if (error !== "" || clientCaError !== "") return -1;
  return Math.min(...[notAfter, clientCaNotAfter].map((end) => end === undefined ? Infinity : timestampMs(end)));
}

export function CertificateTable({ certificates, now }: { certificates: readonly Certificate[]; now: number }) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Certificate for</th>
          <th scope="col">Ends</th>
          <th scope="col">State</th>
        </tr>
      </thead>
      <tbody>
        {certificates.toSorted((a, b) => urgency(a) - urgency(b)).map((one) => (
          <tr>
            <th scope="row">
              <a href={routeAddress(one)}>{one.hostname}</a> <span class="faint">{one.listener}</span>
            </th>
            <td data-label="For">{one.names.length === 0 ? <span class="faint">none</span> : one.names.join(", ")}</td>
            <td data-label="Ends">
              {one.notAfter === undefined
                ? <span class="faint">–</span>
                : <RelativeTime at={timestampMs(one.notAfter)} now={now} />}
            </td>
            <td data-label="State">
              <State certificate={one} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function State({ certificate, now }: { certificate: Certificate; now: number }) {
  const { error, notAfter, acme, renewAt, clientCaSubjects, clientCaNotAfter, clientCaError } = certificate;
  const leftOf = (end: typeof notAfter) => end === undefined ? Infinity : timestampMs(end) - now;
  const left = leftOf(notAfter);
  const clientLeft = leftOf(clientCaNotAfter);
  return (
    <>
      <span class="marks">
        {error !== "" ? <span class="mark bad">can't be served</span> : null}
        {left <= 0
          ? <span class="mark bad">expired</span>
          : left < soonDays * dayMs
          ? <span class="mark bad">ends soon</span>
          : error === ""
          ? <span class="mark good">well</span>
          : null}
        {acme ? <span class="mark">by ACME</span> : null}
        {clientCaSubjects.length > 0 ? <span class="mark">asks clients</span> : null}
        {clientCaError !== "" ? <span class="mark bad">client CA can't be used</span> : null}
        {clientLeft < soonDays * dayMs
          ? <span class="mark bad">client CA {clientLeft <= 0 ? "expired" : "ends soon"}</span>
          : null}
      </span>
      {renewAt === undefined ? null : (
        <>
          {" "}
          <span class="faint">
            renewed <RelativeTime at={timestampMs(renewAt)} now={now} />
          </span>
        </>
      )}
      {error === "" ? null : <p class="error">{error}</p>}
      {clientCaError === "" ? null : <p class="error">{clientCaError}</p>}
    </>
  );
}
