/** route put. */
import { buildCommand } from "@stricli/core";
import { type CliContext, listFlag, switchFlag, textFlag } from "@lib/cli/mod.ts";
import { milliseconds, size } from "../amounts.ts";
import { expectedVersionFlag, withMcproxy } from "../connection.ts";
import { flagErrors } from "../flag_errors.ts";
import { parseEdit, parseRedirect } from "../route_text.ts";
import { hostArgument, type KeyFlags, keyFlags, showRoute } from "./route.ts";

interface PutFlags extends KeyFlags {
  readonly mode: "l4" | "l7";
  readonly backend?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly acme: boolean;
  readonly clientCert?: "asked" | "required";
  readonly clientCa?: string;
  readonly backendProtocol?: "h1" | "h2c" | "tls";
  readonly backendName?: string;
  readonly backendInsecure: boolean;
  readonly sendProxyProtocol?: "v1" | "v2";
  readonly stripPath: boolean;
  readonly requestHeader?: readonly ReturnType<typeof parseEdit>[];
  readonly responseHeader?: readonly ReturnType<typeof parseEdit>[];
  readonly redirect?: ReturnType<typeof parseRedirect>;
  readonly maintenance?: string;
  readonly compress: boolean;
  readonly maxBody?: bigint;
  readonly responseTimeout?: number;
  readonly healthPath?: string;
  readonly healthHost?: string;
  readonly healthStatus?: readonly string[];
  readonly healthInterval?: number;
  readonly healthTimeout?: number;
  readonly signIn: boolean;
  readonly allow?: readonly string[];
  readonly expectedVersion?: string;
}

const editFlag = (brief: string) =>
  ({ kind: "parsed", parse: parseEdit, brief, placeholder: "EDIT", variadic: true, optional: true }) as const;
const timeFlag = (brief: string) =>
  ({ kind: "parsed", parse: milliseconds, brief, placeholder: "TIME", optional: true }) as const;

const putFlags = {
  ...keyFlags,
  mode: { kind: "enum", values: ["l4", "l7"], brief: "l4: bytes pass as they are; l7: TLS ends here", default: "l7" },
  backend: listFlag("Where it goes; several by repeating, new requests to the one with the fewest", "HOST:PORT"),
  cert: textFlag("Certificate and its issuers, PEM, below the proxy's certificate folder", "FILE"),
  key: textFlag("Its private key, PEM", "FILE"),
  acme: switchFlag("The certificate is got by ACME instead"),
  clientCert: {
    kind: "enum",
    values: ["asked", "required"],
    brief: "Ask clients for a certificate; asked: who has none goes on without",
    optional: true,
  },
  clientCa: textFlag("With it: CAs that theirs must lead to, PEM, below the proxy's certificate folder", "FILE"),
  backendProtocol: {
    kind: "enum",
    values: ["h1", "h2c", "tls"],
    brief: "HTTP/1.1, or HTTP/2 in the clear, or TLS with either [h1]",
    optional: true,
  },
  backendName: textFlag("With tls: the name in the backend's certificate", "NAME"),
  backendInsecure: switchFlag("With tls: whatever its certificate says"),
  sendProxyProtocol: {
    kind: "enum",
    values: ["v1", "v2"],
    brief: "Tell the backends who the client is, in that header",
    optional: true,
  },
  stripPath: switchFlag("The path isn't passed on"),
  requestHeader: editFlag("'set NAME: VALUE', 'add NAME: VALUE' or 'remove NAME'; several by repeating"),
  responseHeader: editFlag("The same, on the way back"),
  redirect: {
    kind: "parsed",
    parse: parseRedirect,
    brief: "Answer with it: '308 https://{host}{uri}'",
    placeholder: "REDIRECT",
    optional: true,
  },
  maintenance: textFlag("Answer 503 with it", "TEXT"),
  compress: switchFlag("Compress text for clients that take it"),
  maxBody: {
    kind: "parsed",
    parse: size,
    brief: "Longest request body: 20M [any]",
    placeholder: "SIZE",
    optional: true,
  },
  responseTimeout: timeFlag("Longest wait for a response's head [the configuration's]"),
  healthPath: textFlag("Ask the backends for it whether they are well", "PATH"),
  healthHost: textFlag("Whom they are asked as [the route's host]", "HOST[:PORT]"),
  healthStatus: listFlag("What is well: 204, 200-299; several by repeating [200-399]", "STATUS"),
  healthInterval: timeFlag("How often; without a path a connection is enough [5s]"),
  healthTimeout: timeFlag("How long an answer may take [2s]"),
  signIn: switchFlag("Only for those who sign in, with an account of MCIAS"),
  allow: listFlag("Sign-in, and of these only: admin, user, guest or account:NAME; several by repeating", "WHO"),
  ...expectedVersionFlag,
} as const;

/** What the API's fields are called here. */
const flagOf: Readonly<Record<string, string>> = {
  listener: "--listener",
  path: "--path",
  mode: "--mode",
  backends: "--backend",
  tls_cert: "--cert",
  tls_key: "--key",
  acme: "--acme",
  client_cert: "--client-cert",
  client_ca: "--client-ca",
  backend_protocol: "--backend-protocol",
  backend_name: "--backend-name",
  backend_insecure: "--backend-insecure",
  send_proxy_protocol: "--send-proxy-protocol",
  strip_path: "--strip-path",
  request_headers: "--request-header",
  response_headers: "--response-header",
  redirect: "--redirect",
  maintenance: "--maintenance",
  compress: "--compress",
  max_body_bytes: "--max-body",
  response_timeout_ms: "--response-timeout",
  health_check: "--health-path and the like",
  sign_in: "--sign-in",
  "sign_in.allow": "--allow",
};

export const routePutCommand = buildCommand({
  docs: {
    brief: "Create or replace a route",
    fullDescription:
      "Creates or replaces the route of a name, listener and path. What isn't given is not set, whatever was before. It holds for new connections, and for the next request of open ones, when the command returns.",
    customUsage: [
      { input: "example.org --backend 127.0.0.1:8080 --cert web.pem --key web.key", brief: "TLS ends here" },
      { input: "example.org --backend 127.0.0.1:8080 --backend 127.0.0.1:8081 --acme", brief: "two, and ACME" },
      {
        input: "example.org --backend 127.0.0.1:8080 --acme --client-cert required --client-ca staff.pem",
        brief: "for holders of a certificate",
      },
      { input: "example.org --path /api --backend 127.0.0.1:9000 --strip-path", brief: "a part of it elsewhere" },
      { input: "db.example.org --mode l4 --backend 127.0.0.1:5432 --send-proxy-protocol v2", brief: "passed through" },
      { input: "old.example.org --redirect '308 https://example.org{uri}' --acme", brief: "moved" },
      { input: "wiki.example.org --acme --backend 127.0.0.1:8080 --allow user", brief: "behind a sign-in" },
      {
        input: "example.org --acme --backend 127.0.0.1:8080 --response-header 'set X-Frame-Options: DENY'",
        brief: "with a header of its own",
      },
    ],
  },
  parameters: { flags: putFlags, positional: hostArgument },
  async func(this: CliContext, flags: PutFlags, hostname: string) {
    const { healthPath, healthHost, healthStatus, healthInterval, healthTimeout, redirect, allow } = flags;
    const checks = [healthPath, healthHost, healthStatus, healthInterval, healthTimeout];
    const isChecked = checks.some((one) => one !== undefined);
    const request = {
      hostname,
      listener: flags.listener,
      path: flags.path,
      mode: flags.mode,
      backends: [...flags.backend ?? []],
      tlsCert: flags.cert ?? "",
      tlsKey: flags.key ?? "",
      acme: flags.acme,
      clientCert: flags.clientCert ?? "",
      clientCa: flags.clientCa ?? "",
      backendProtocol: flags.backendProtocol ?? "",
      backendName: flags.backendName ?? "",
      backendInsecure: flags.backendInsecure,
      sendProxyProtocol: flags.sendProxyProtocol ?? "",
      stripPath: flags.stripPath,
      requestHeaders: [...flags.requestHeader ?? []],
      responseHeaders: [...flags.responseHeader ?? []],
      ...(redirect === undefined ? {} : { redirect }),
      maintenance: flags.maintenance ?? "",
      compress: flags.compress,
      maxBodyBytes: flags.maxBody ?? 0n,
      responseTimeoutMs: flags.responseTimeout ?? 0,
      ...(isChecked
        ? {
          healthCheck: {
            path: healthPath ?? "",
            host: healthHost ?? "",
            expectedStatuses: [...healthStatus ?? []],
            intervalMs: healthInterval ?? 0,
            timeoutMs: healthTimeout ?? 0,
          },
        }
        : {}),
      ...(flags.signIn || allow !== undefined ? { signIn: { allow: [...allow ?? []] } } : {}),
      expectedVersion: flags.expectedVersion ?? "",
    };
    const route = await withMcproxy(
      this,
      flags,
      ({ routes }) => flagErrors(flagOf, () => routes.putRoute(request)),
    );
    showRoute(this, flags, route);
  },
});
