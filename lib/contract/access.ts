/**
 * The access check that every transport shares: from an operation's `access`
 * option and a caller to yes or a named refusal. What an operation's own policy
 * says comes after it.
 */
import type { Caller } from "@lib/auth/mod.ts";
import { denied, quote, unauthenticated } from "@lib/errors/mod.ts";
import { Access } from "@proto/metacircular/options_pb.ts";
import type { Authentication } from "./call.ts";

/** What an operation's options say of who may call it. */
export interface AccessRule {
  /** "mcns.v1.ZoneService.CreateZone" */
  readonly name: string;
  readonly access: Access;
  /** Callers whose token has scopes may call it: it does no more for them than those say. */
  readonly takesScopes: boolean;
}

/** Who holds a service's own unix socket; the file's mode has let them in. */
const local: Caller = { subject: "local", username: "local", accountType: "local", roles: ["admin"], tokenId: "" };

// lib/auth says the same by `isAdmin` and `isUser`; it stands above this part (through the gRPC client), so it can't
// be asked from here. A test keeps the two together.
const isAdmin = (caller: Caller): boolean =>
  caller.accountType === "local" || (caller.accountType === "human" && caller.roles.includes("admin"));

/** Scopes that a refusal lists; of the others it gives the number. */
const listedScopes = 4;

/**
 * Throws `denied` (rule "token-scopes") when the caller's token has scopes.
 * @param what is refused: "call mcns.v1.ZoneService.CreateZone"
 */
export function refuseScopes({ username, scopes }: Caller, what: string): void {
  if (scopes === undefined) return;
  const more = scopes.length - listedScopes;
  const listed = scopes.slice(0, listedScopes).join(" ") + (more > 0 ? ` and ${more} more` : "");
  throw denied(
    "token-scopes",
    `Cannot ${what} with this token of ${quote(username)}: it is limited to the scopes ${listed}`,
    { hint: "Take a token without scopes." },
  );
}

/**
 * Throws `unauthenticated` without a caller, `denied` when the token has scopes that the operation doesn't take (rule
 * "token-scopes") or the caller's standing is too low ("access:user", "access:admin"). An access this code doesn't know
 * is refused.
 */
export function checkAccess({ name, access, takesScopes }: AccessRule, caller: Caller | null): void {
  if (access === Access.PUBLIC) return;
  if (caller === null) throw unauthenticated("Authentication required; log in and send the token as a bearer token");
  if (!takesScopes) refuseScopes(caller, `call ${name}`);
  switch (access) {
    case Access.AUTHENTICATED:
      return;
    case Access.USER:
      if (isAdmin(caller) || caller.accountType === "system") return;
      if (caller.accountType === "human" && caller.roles.includes("user")) return;
      throw denied(
        "access:user",
        `Account ${
          quote(caller.username)
        } may not call this operation: it takes role user or admin, or a system account`,
      );
    case Access.ADMIN:
      if (isAdmin(caller)) return;
      throw denied(
        "access:admin",
        `Account ${quote(caller.username)} may not call this operation: it takes role admin`,
      );
    default:
      throw denied("access:unspecified", "This operation declares no access and is refused");
  }
}

/**
 * Who makes one call, before `checkAccess` decides whether they may. Public operations never ask `authenticate`, so that
 * health and login answer while the identity service is down.
 *
 * Throws `unauthenticated` for a token that is not good, or what `authenticate` throws (`unavailable`).
 */
export async function identify(
  access: Access,
  token: string | undefined,
  authenticate: Authentication,
): Promise<Caller | null> {
  if (authenticate === "local") return { ...local, roles: [...local.roles] };
  if (access === Access.PUBLIC || token === undefined) return null;
  const caller = await authenticate(token);
  if (caller === null) {
    throw unauthenticated("The token is unknown, expired or revoked; log in again", { rule: "invalid_token" });
  }
  return caller;
}
