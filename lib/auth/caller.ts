/**
 * Who calls an operation.
 * @module
 */

/** An authenticated caller. */
export interface Caller {
  /** The account's UUID; "local" for the operator at a service's own socket. */
  readonly subject: string;
  readonly username: string;
  /** "local" is the operator at a service's own unix socket, which the file system guards. */
  readonly accountType: "human" | "system" | "local";
  /** "admin", "user", "guest"; system accounts have none. */
  readonly roles: string[];
  /** The token's jti; empty for a local caller. */
  readonly tokenId: string;
  /** When the token ends, ms since the epoch; absent for a local caller. */
  readonly expiresAt?: number;
  /**
   * What the token is limited to, each `<service>:<rest>` with the rest in that service's own words; absent where it may
   * do all that its account may. Who doesn't know what to make of them refuses the caller (`refuseScopes` of lib/contract).
   */
  readonly scopes?: readonly string[];
}

/** The operator at a service's own unix socket. */
export const localCaller: Caller = {
  subject: "local",
  username: "local",
  accountType: "local",
  roles: ["admin"],
  tokenId: "",
};

/** Turns a bearer token into its caller; null when the token is not good. */
export type Authenticate = (token: string) => Promise<Caller | null>;

/** Whether the caller holds the role. */
export function hasRole(caller: Caller, role: "admin" | "user" | "guest"): boolean {
  return caller.roles.includes(role);
}

/** Whether the caller may do what access level ADMIN asks: a human with role admin, or the local operator. */
export function isAdmin(caller: Caller): boolean {
  return caller.accountType !== "system" && hasRole(caller, "admin");
}

/**
 * Whether the caller may do what access level USER asks: admin or user, a
 * system account, or the local operator. A human with role guest alone may not.
 */
export function isUser(caller: Caller): boolean {
  return caller.accountType !== "human" || hasRole(caller, "admin") || hasRole(caller, "user");
}

/**
 * The token of an `Authorization` value, or null when it is absent or not of
 * the Bearer scheme (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
 */
export function bearerToken(authorization: string | null | undefined): string | null {
  const match = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? "");
  return match?.[1] ?? null;
}
