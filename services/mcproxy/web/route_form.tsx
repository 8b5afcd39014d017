/**
 * The form of a route: what most routes need first, the rest folded away.
 * @module
 */
import { Choice, CsrfField, Field, FormError, type FormErrors, Tick, type Visit } from "@lib/web/mod.ts";
import type { Listener } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { Clients } from "./clients_part.tsx";
import { FieldsError, Part, type PartProps } from "./form_part.tsx";
import type { RouteDraft } from "./route_draft.ts";

export interface RouteFormProps {
  visit: Visit;
  action: string;
  cancel: string;
  draft: RouteDraft;
  errors: FormErrors;
  listeners: readonly Listener[];
  /** Null for a new route; else the version that was read, which must still be there when it is saved. */
  version: string | null;
}

export function RouteForm({ visit, action, cancel, draft, errors, listeners, version }: RouteFormProps) {
  const props = { draft, errors };
  return (
    <form method="post" action={action} class="wide-form">
      <CsrfField visit={visit} />
      <FormError errors={errors} />
      {version === null ? <Names {...props} listeners={listeners} /> : <Kept draft={draft} version={version} />}
      <Choice
        name="mode"
        label="Mode"
        value={draft.mode}
        errors={errors}
        options={[
          ["l7", "HTTP: TLS ends here, requests go to a backend (l7)"],
          ["l4", "Passthrough: every byte goes to the backend as it is (l4)"],
        ]}
      />
      <Field
        name="backends"
        label="Backends"
        value={draft.backends}
        errors={errors}
        hint="host:port, one per line; new requests go to the least busy one."
        placeholder="127.0.0.1:10080"
        rows={2}
        mono
      />
      <Certificate {...props} />
      <Clients {...props} />
      <Backend {...props} />
      <Requests {...props} />
      <Answers {...props} />
      <p class="actions">
        <button type="submit">{version === null ? "Add route" : "Save"}</button> <a href={cancel}>Cancel</a>
      </p>
    </form>
  );
}

/** The route's identity can't be changed: another name is another route. */
function Kept({ draft, version }: { draft: RouteDraft; version: string }) {
  return (
    <>
      {(["listener", "hostname", "path"] as const).map((name) => (
        <input
          type="hidden"
          name={name}
          value={draft[name]}
        />
      ))}
      <input type="hidden" name="version" value={version} />
    </>
  );
}

function Names({ draft, errors, listeners }: PartProps & Pick<RouteFormProps, "listeners">) {
  return (
    <div class="line">
      <Choice
        name="listener"
        label="Listener"
        value={draft.listener}
        errors={errors}
        options={listeners.filter(({ kind }) => kind !== "http").map(({ name }) => [name, name] as const)}
        class="small"
      />
      <Field
        name="hostname"
        label="Host name"
        value={draft.hostname}
        errors={errors}
        placeholder="www.example.org"
        hint={
          <>
            <code>*.example.org</code> for one label below, <code>*</code> for all others.
          </>
        }
        class="wide"
        required
        mono
      />
      <Field
        name="path"
        label="Path"
        value={draft.path}
        errors={errors}
        placeholder="/"
        hint="And what lies below it."
        mono
      />
    </div>
  );
}

function Certificate({ draft, errors }: PartProps) {
  return (
    <fieldset>
      <legend>Certificate, for HTTP</legend>
      <Tick name="acme" label="Got and renewed by ACME" ticked={draft.acme !== ""} />
      <div class="line">
        <Field
          name="tls_cert"
          label="Certificate file"
          value={draft.tls_cert}
          errors={errors}
          hint="PEM, below the certificate folder. Empty with ACME, and for paths other than /."
          placeholder="example.pem"
          class="wide"
          mono
        />
        <Field
          name="tls_key"
          label="Key file"
          value={draft.tls_key}
          errors={errors}
          placeholder="example.key"
          class="wide"
          mono
        />
      </div>
    </fieldset>
  );
}

function Backend({ draft, errors }: PartProps) {
  const names = [
    "backend_protocol",
    "backend_name",
    "backend_insecure",
    "send_proxy_protocol",
    "response_timeout_ms",
    "health_check",
  ] as const;
  return (
    <Part title="How backends are spoken to" names={names} draft={draft} errors={errors}>
      <div class="line">
        <Choice
          name="backend_protocol"
          label="Protocol"
          value={draft.backend_protocol}
          errors={errors}
          options={[
            ["h1", "HTTP/1.1 in the clear"],
            ["h2c", "HTTP/2 in the clear"],
            ["tls", "TLS: HTTP/2 or HTTP/1.1"],
          ]}
        />
        <Field
          name="backend_name"
          label="Name in the backend's certificate"
          value={draft.backend_name}
          errors={errors}
          hint="For TLS."
          class="wide"
          mono
        />
        <Choice
          name="send_proxy_protocol"
          label="PROXY header"
          value={draft.send_proxy_protocol}
          errors={errors}
          options={[["", "none"], ["v1", "version 1"], ["v2", "version 2"]]}
        />
      </div>
      <Tick
        name="backend_insecure"
        label="Take any certificate: whoever is on the way can read and change everything"
        ticked={draft.backend_insecure !== ""}
      />
      <Tick name="health_check" label="Ask backends by themselves how they are" ticked={draft.health_check !== ""} />
      <div class="line">
        <Field
          name="health_path"
          label="Asking for"
          value={draft.health_path}
          errors={errors}
          placeholder="/health"
          hint="Empty: a connection alone."
          class="wide"
          mono
        />
        <Field
          name="health_host"
          label="Of host"
          value={draft.health_host}
          errors={errors}
          placeholder="the route's"
          mono
        />
        <Field
          name="health_statuses"
          label="Well when answered"
          value={draft.health_statuses}
          errors={errors}
          placeholder="200-399"
          hint="As in 200-299, 401."
          mono
        />
      </div>
      <div class="line">
        <Milliseconds
          name="health_interval_ms"
          label="Every, ms"
          draft={draft}
          errors={errors}
          placeholder="5000"
        />
        <Milliseconds
          name="health_timeout_ms"
          label="Failed after, ms"
          draft={draft}
          errors={errors}
          placeholder="2000"
        />
        <Milliseconds
          name="response_timeout_ms"
          label="Longest wait for an answer, ms"
          draft={draft}
          errors={errors}
          placeholder="as configured"
        />
      </div>
      <FieldsError name="health_check" errors={errors} />
    </Part>
  );
}

function Milliseconds(
  { name, label, placeholder, draft, errors }: PartProps & {
    name: keyof RouteDraft;
    label: string;
    placeholder: string;
  },
) {
  return (
    <Field
      name={name}
      label={label}
      value={draft[name]}
      errors={errors}
      placeholder={placeholder}
      inputmode="numeric"
    />
  );
}

function Requests({ draft, errors }: PartProps) {
  const names = ["strip_path", "request_headers", "max_body_bytes"] as const;
  return (
    <Part title="What happens to requests" names={names} draft={draft} errors={errors}>
      <Tick name="strip_path" label="The path isn't passed on" ticked={draft.strip_path !== ""} />
      <Field
        name="request_headers"
        label="Edits of the request's header"
        value={draft.request_headers}
        errors={errors}
        hint="One per line: set name: value, add name: value, or remove name."
        rows={2}
        mono
      />
      <Field
        name="max_body_bytes"
        label="Longest body, bytes"
        value={draft.max_body_bytes}
        errors={errors}
        placeholder="any"
        inputmode="numeric"
      />
    </Part>
  );
}

function Answers({ draft, errors }: PartProps) {
  const names = ["compress", "response_headers", "redirect_to", "maintenance"] as const;
  return (
    <Part title="What happens to answers" names={names} draft={draft} errors={errors}>
      <Tick name="compress" label="Compress text for clients that take it" ticked={draft.compress !== ""} />
      <Field
        name="response_headers"
        label="Edits of the answer's header"
        value={draft.response_headers}
        errors={errors}
        hint="One per line, for example set x-frame-options: DENY."
        rows={2}
        mono
      />
      <div class="line">
        <Choice
          name="redirect_status"
          label="Redirect"
          value={draft.redirect_status}
          errors={errors}
          options={[
            ["", "308 Permanent"],
            ["307", "307 Temporary"],
            ["301", "301 Moved"],
            ["302", "302 Found"],
            ["303", "303 See other"],
          ]}
        />
        <Field
          name="redirect_to"
          label="All requests, to"
          value={draft.redirect_to}
          errors={errors}
          placeholder="https://www.example.org{uri}"
          hint="Instead of a backend. {uri} is the request's path and query, {host} its host."
          class="wide"
          mono
        />
      </div>
      <Field
        name="maintenance"
        label="Maintenance"
        value={draft.maintenance}
        errors={errors}
        hint="While there is a text, every request is answered with it and status 503."
        rows={2}
      />
    </Part>
  );
}
