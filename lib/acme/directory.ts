/**
 * An ACME server's directory (RFC 8555 §7.1.1).
 * @module
 */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";

/** The resources that this client uses, all of the directory's own origin. */
export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  /** "" where the server has none. */
  readonly revokeCert: string;
  readonly keyChange: string;
  /** RFC 9773 §4.1. */
  readonly renewalInfo: string;
  /** "" where there are none. */
  readonly termsOfService: string;
  readonly externalAccountRequired: boolean;
}

/** @throws PlatformError `invalid` on directoryUrl for anything but an https URL without user and fragment */
export function parseDirectoryUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:") {
    // RFC 8555 §6.1: ACME is spoken over HTTPS only.
    throw invalid(
      "directoryUrl",
      `must be an https URL such as "https://ca.example.net/acme/directory": ${quote(text)}`,
    );
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw invalid("directoryUrl", "must have no user, password or fragment");
  }
  return url;
}

/**
 * Checks that a URL which the server sent is at the server itself.
 * One elsewhere would need a grant for elsewhere, and be a way to have this program call anybody.
 * @throws PlatformError `conflict` naming both
 */
export function requireOrigin(url: unknown, origin: string, what: string): string {
  const parsed = typeof url === "string" ? URL.parse(url) : null;
  if (parsed === null) throw conflict(`The ACME server at ${origin} gave no URL for ${what}: ${quote(url)}`);
  if (parsed.origin !== origin) {
    throw conflict(`The ACME server at ${origin} gave a URL elsewhere for ${what}: ${quote(url)}`, {
      hint: "All of its URLs must have the directory's scheme, name and port; set its public URL so",
    });
  }
  return parsed.href;
}

/** @throws PlatformError `conflict` when a needed resource is missing, or one is elsewhere */
export function readDirectory(value: unknown, origin: string): Directory {
  const entries = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const meta = (typeof entries["meta"] === "object" && entries["meta"] !== null ? entries["meta"] : {}) as Record<
    string,
    unknown
  >;
  const needed = (name: string) => requireOrigin(entries[name], origin, `${name} in its directory`);
  const optional = (name: string) => entries[name] === undefined ? "" : needed(name);
  const terms = meta["termsOfService"];
  return {
    newNonce: needed("newNonce"),
    newAccount: needed("newAccount"),
    newOrder: needed("newOrder"),
    revokeCert: optional("revokeCert"),
    keyChange: optional("keyChange"),
    renewalInfo: optional("renewalInfo"),
    termsOfService: typeof terms === "string" ? terms : "",
    externalAccountRequired: meta["externalAccountRequired"] === true,
  };
}
