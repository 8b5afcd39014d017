import { join, resolve } from "node:path";
import { invalid, messageOf, notFound, unavailable } from "@lib/errors/mod.ts";
import { parseAddress } from "@lib/tls/mod.ts";

/** Where a platform's parts are: `<data>/platform.json`, written by the bootstrap. */
export interface Platform {
  /** The data folder, absolute. */
  readonly data: string;
  /** The root certificate, PEM. */
  readonly ca: string;
  /** The agent's gRPC address, "host:port". */
  readonly agent: string;
  /** MCIAS's REST address, "host:port". */
  readonly mcias: string;
  /** MCNS's REST address, "host:port"; "" for none. */
  readonly mcnsRest: string;
  /** MCNS's gRPC address, "host:port"; "" where a platform was last brought up by an older program. */
  readonly mcns: string;
  /** MC-Proxy's admin socket, "unix:/path". */
  readonly mcproxy: string;
  /** The operator's account. */
  readonly admin: string;
  /** Readable for the operator of a local platform only. */
  readonly adminPasswordFile: string;
}

/** The data folder that is meant: the flag, else `$MCP_DATA`, else `.metacircular` here. */
export function dataFolder(flag: string | undefined, environment: (name: string) => string | undefined): string {
  return resolve(flag ?? environment("MCP_DATA") ?? ".metacircular");
}

/** Reads a platform's description. @throws PlatformError not_found without one, invalid when it can't be read */
export function readPlatform(data: string): Platform {
  const path = join(data, "platform.json");
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unavailable(`Cannot read ${path}: ${messageOf(error)}`);
    throw notFound("platform", data, {
      hint: "Name its data folder with --data DIR or $MCP_DATA, or start one: deno task up",
    });
  }
  let given: Record<string, unknown>;
  try {
    given = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw invalid(path, `is not JSON: ${messageOf(error)}`);
  }
  const value = (key: string): string => {
    const found = given[key];
    if (typeof found !== "string" || found === "") throw invalid(path, `has no "${key}"`);
    return found;
  };
  const caPath = value("ca");
  let ca: string;
  try {
    ca = Deno.readTextFileSync(caPath);
  } catch (error) {
    throw unavailable(`Cannot read the platform's root certificate ${caPath}: ${messageOf(error)}`);
  }
  const plain = (text: unknown) => typeof text === "string" ? text.replace(/^https:\/\//, "").replace(/\/$/, "") : "";
  const address = (key: string) => plain(value(key));
  return {
    data,
    ca,
    agent: address("agent"),
    mcias: address("mcias"),
    mcns: plain(given.mcns_grpc),
    mcnsRest: plain(given.mcns),
    // Platforms brought up by an older program don't say; it has always been there.
    mcproxy: typeof given.mcproxy === "string" && given.mcproxy !== ""
      ? given.mcproxy
      : `unix:${join(data, "srv", "mcproxy", "run", "admin.sock")}`,
    admin: value("admin"),
    adminPasswordFile: typeof given.admin_password_file === "string" ? given.admin_password_file : "",
  };
}

/** The name that the certificate at an address must carry: the address's own, "localhost" for loopback addresses. */
export function serverNameOf(address: string): string {
  const parsed = parseAddress(address);
  if (parsed.kind === "unix") return "localhost";
  return /^127\.|^::1$/.test(parsed.hostname) ? "localhost" : parsed.hostname;
}
