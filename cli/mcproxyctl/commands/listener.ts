/** listener list, put, delete. */
import { buildCommand } from "@stricli/core";
import { type CliContext, jsonOf, listFlag, printJson } from "@lib/cli/mod.ts";
import { type Column, table } from "@lib/terminal/mod.ts";
import {
  DeleteListenerResponseSchema,
  type Listener,
  ListenerSchema,
  ListListenersResponseSchema,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";
import { flagErrors } from "../flag_errors.ts";

const nameParameter = { brief: "What routes call it", parse: String, placeholder: "name" } as const;

const columns: readonly Column<Listener>[] = [
  { heading: "listener", cell: ({ name }) => name },
  { heading: "kind", cell: ({ kind }) => kind },
  { heading: "address", cell: ({ address }) => address },
  { heading: "proxy header from", cell: ({ proxyProtocolFrom }) => proxyProtocolFrom.join(", ") || "nobody" },
  { heading: "set by", cell: ({ fromConfig }) => fromConfig ? "configuration" : "API" },
];

export const listenerListCommand = buildCommand({
  docs: { brief: "List the listeners", customUsage: [{ input: "", brief: "with their addresses" }] },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    const answer = await withMcproxy(this, flags, ({ listeners }) => listeners.listListeners({}));
    if (flags.json) printJson(this, jsonOf(ListListenersResponseSchema, answer));
    else this.print(table(answer.listeners, columns));
  },
});

interface PutFlags extends ServerFlags {
  readonly kind: "tls" | "tcp" | "http";
  readonly proxyProtocolFrom?: readonly string[];
}

export const listenerPutCommand = buildCommand({
  docs: {
    brief: "Open a listener, or change one",
    fullDescription:
      "Opens a listener on an address that [listen] allow_addrs in mcproxy.toml permits, or changes one. Those of the configuration stay as it says.",
    customUsage: [
      { input: "alt 0.0.0.0:8443", brief: "TLS, routes by name" },
      { input: "web 0.0.0.0:80 --kind http", brief: "redirects to HTTPS, answers ACME" },
      { input: "postgres 127.0.0.1:5432 --kind tcp", brief: "any bytes, to the l4 route *" },
      { input: "behind 10.0.0.2:443 --proxy-protocol-from 10.0.0.1", brief: "clients' addresses come from a proxy" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      kind: {
        kind: "enum",
        values: ["tls", "tcp", "http"],
        brief: "tls: routes by name; tcp: any bytes; http: redirects to HTTPS",
        default: "tls",
      },
      proxyProtocolFrom: listFlag("Who must send the PROXY header, others must not; several by repeating", "IP[/BITS]"),
    },
    positional: {
      kind: "tuple",
      parameters: [nameParameter, { brief: "Where it listens", parse: String, placeholder: "host:port" }],
    },
  },
  async func(this: CliContext, flags: PutFlags, name: string, address: string) {
    const { kind, proxyProtocolFrom = [] } = flags;
    const listener = await withMcproxy(this, flags, ({ listeners }) =>
      flagErrors(
        { kind: "--kind", proxy_protocol_from: "--proxy-protocol-from" },
        () => listeners.putListener({ name, address, kind, proxyProtocolFrom: [...proxyProtocolFrom] }),
      ));
    if (flags.json) printJson(this, jsonOf(ListenerSchema, listener));
    else this.print(table([listener], columns));
  },
});

export const listenerDeleteCommand = buildCommand({
  docs: {
    brief: "Close a listener",
    fullDescription:
      "Stops accepting at once; connections under way are finished. Refused while routes name the listener.",
    customUsage: [{ input: "alt", brief: "once no route names it" }],
  },
  parameters: { flags: serverFlags, positional: { kind: "tuple", parameters: [nameParameter] } },
  async func(this: CliContext, flags: ServerFlags, name: string) {
    const answer = await withMcproxy(this, flags, ({ listeners }) => listeners.deleteListener({ name }));
    if (flags.json) printJson(this, jsonOf(DeleteListenerResponseSchema, answer));
    else this.print(answer.deleted ? `Closed listener ${name}\n` : `There was no listener ${name}\n`);
  },
});
