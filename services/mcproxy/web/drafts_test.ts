/** Forms send all of a route or a rule back: what they don't hold would be lost at every change by a page. */
import { create, type DescMessage, isFieldSet, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import {
  FirewallRuleSchema,
  PutRouteRequestSchema,
  PutRuleRequestSchema,
  RouteSchema,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { draftOf, requestOf } from "./route_draft.ts";
import { ruleDraftOf, ruleRequestOf } from "./rule_draft.ts";

/** Fails for a field of the request that `sample` leaves out: a new one needs a value here, and a place in the form. */
function wholeRequest<Schema extends DescMessage>(schema: Schema, sample: MessageInitShape<Schema>, but: string[]) {
  const request = create(schema, sample);
  for (const field of schema.fields) {
    if (!but.includes(field.name)) assert.ok(isFieldSet(request, field), `the sample has no ${field.name}`);
  }
  return toJson(schema, request);
}

Deno.test("a route's form keeps every setting", () => {
  const route = {
    ...{ listener: "https", hostname: "a.test", mode: "l7", backends: ["127.0.0.1:1", "127.0.0.1:2"], path: "/shop" },
    ...{ tlsCert: "a.pem", tlsKey: "a.key", acme: true, clientCa: "ca.pem", clientCert: "required" },
    ...{ backendProtocol: "tls", backendName: "b.test", backendInsecure: true, sendProxyProtocol: "v2" },
    ...{ stripPath: true, maintenance: "Back soon", compress: true, maxBodyBytes: 5n, responseTimeoutMs: 6 },
    requestHeaders: [{ op: "set", name: "x-a", value: "b: c" }, { op: "remove", name: "x-d", value: "" }],
    responseHeaders: [{ op: "add", name: "x-e", value: "" }],
    redirect: { status: 301, to: "https://b.test{uri}" },
    healthCheck: { path: "/up", host: "h.test", expectedStatuses: ["204", "200-299"], intervalMs: 7, timeoutMs: 8 },
    signIn: { allow: ["admin", "account:ada"] },
  };
  const want = wholeRequest(PutRouteRequestSchema, route, ["expected_version"]);
  const sent = create(PutRouteRequestSchema, requestOf(draftOf(create(RouteSchema, route))));
  assert.deepEqual(toJson(PutRouteRequestSchema, sent), want);
});

Deno.test("a rule's form keeps every setting", () => {
  const rule = {
    ...{ id: "many", priority: 7, disabled: true, action: "limit", listener: "https", hostname: "*.a.test" },
    ...{ cidrs: ["192.0.2.0/24", "2001:db8::/32"], countries: ["DE", "??"], userAgents: ["a b*", "c"], paths: ["/x"] },
    ...{ rate: { perSecond: 0.5, burst: 9 }, maxConnections: 3, note: "why" },
  };
  const want = wholeRequest(PutRuleRequestSchema, rule, ["expected_version"]);
  const sent = create(PutRuleRequestSchema, ruleRequestOf(ruleDraftOf(create(FirewallRuleSchema, rule))));
  assert.deepEqual(toJson(PutRuleRequestSchema, sent), want);
});
