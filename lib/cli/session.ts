/**
 * The operator's session: a token from MCIAS, kept in `<data>/cli/session.json` for its owner only. Where there is
 * none, and the local platform's own password file can be read, its operator is logged in with that: who can read
 * the folder is the operator.
 * @module
 */
import { dirname, join } from "node:path";
import { PlatformError, unauthenticated, unavailable } from "@lib/errors/mod.ts";
import { type Platform, serverNameOf } from "./platform.ts";
import { callRest } from "./rest_call.ts";

export interface Session {
  readonly token: string;
  readonly username: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** It came from the file; it may be revoked. */
  readonly cached: boolean;
}

/** A session that ends sooner is not begun with: a deploy may take this long. */
const marginMs = 120_000;

/**
 * The session in the file, else a new one as the local operator. All command lines of a platform share it.
 * @param program who asks: its `login` is named where there is no way in
 * @throws PlatformError unauthenticated when there is no way
 */
export async function openSession(platform: Platform, program = "mcp"): Promise<Session> {
  const stored = readSession(platform);
  if (stored !== null && stored.expiresAt - Date.now() > marginMs) return stored;
  const password = operatorPassword(platform);
  if (password === null) {
    throw unauthenticated(stored === null ? "You are not logged in" : "Your session has ended", {
      hint: `${program} login`,
    });
  }
  return await logIn(platform, platform.admin, password, program);
}

/**
 * Runs `work` with the token of a session. A kept one that turns out to be revoked is replaced, once, where the
 * operator's password is at hand.
 * @param program as for `openSession`
 */
export async function withSession<T>(
  platform: Platform,
  program: string,
  work: (token: string) => Promise<T>,
): Promise<T> {
  const session = await openSession(platform, program);
  try {
    return await work(session.token);
  } catch (error) {
    if (!session.cached || !(error instanceof PlatformError) || error.code !== "unauthenticated") throw error;
    forgetSession(platform);
    return await work((await openSession(platform, program)).token);
  }
}

/** Asks MCIAS for a token and keeps it. @throws PlatformError unauthenticated for a wrong name or password */
export async function logIn(
  platform: Platform,
  username: string,
  password: string,
  program: string,
): Promise<Session> {
  const answer = await callMcias(platform, "/v1/auth/login", { username, password, service_name: program });
  const token = answer.token;
  const expiresAt = Date.parse(String(answer.expires_at));
  if (typeof token !== "string" || Number.isNaN(expiresAt)) throw unavailable("MCIAS gave no token");
  const session = { token, username, expiresAt };
  const path = sessionFile(platform);
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.next`;
  Deno.writeTextFileSync(next, JSON.stringify(session), { mode: 0o600 });
  Deno.renameSync(next, path);
  return { ...session, cached: false };
}

/** Revokes the kept token and forgets it. @returns whether there was one */
export async function logOut(platform: Platform): Promise<boolean> {
  const session = readSession(platform);
  if (session === null) return false;
  forgetSession(platform);
  try {
    await callMcias(platform, "/v1/auth/logout", {}, session.token);
  } catch (error) {
    // A token that is not good any more needs no revoking.
    if (!(error instanceof PlatformError && error.code === "unauthenticated")) throw error;
  }
  return true;
}

function forgetSession(platform: Platform): void {
  try {
    Deno.removeSync(sessionFile(platform));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function sessionFile(platform: Platform): string {
  return join(platform.data, "cli", "session.json");
}

function readSession(platform: Platform): Session | null {
  try {
    const { token, username, expiresAt } = JSON.parse(Deno.readTextFileSync(sessionFile(platform)));
    return typeof token === "string" && typeof username === "string" && typeof expiresAt === "number"
      ? { token, username, expiresAt, cached: true }
      : null;
  } catch {
    return null;
  }
}

/** The local operator's password; null when it isn't ours to read. */
export function operatorPassword(platform: Platform): string | null {
  if (platform.adminPasswordFile === "") return null;
  try {
    const password = Deno.readTextFileSync(platform.adminPasswordFile).trim();
    return password === "" ? null : password;
  } catch {
    return null;
  }
}

async function callMcias(
  platform: Platform,
  path: string,
  body: Record<string, unknown>,
  token?: string,
): Promise<Record<string, unknown>> {
  const { mcias: address, ca } = platform;
  try {
    return await callRest({ address, serverName: serverNameOf(address), ca, timeoutMs: 15_000 }, {
      ...{ method: "POST", path, body },
      ...(token === undefined ? {} : { token }),
    });
  } catch (error) {
    throw noAnswer(address, error);
  }
}

/** Who did not answer, and where to look; other errors as they are. */
function noAnswer(address: string, error: unknown): unknown {
  if (!(error instanceof PlatformError) || error.code !== "unavailable") return error;
  return unavailable(`Cannot log in or out: MCIAS at ${address} does not answer (${error.message})`, {
    hint: "See what its node says; a local platform: deno task status, and deno task up to bring it back",
    cause: error,
  });
}
