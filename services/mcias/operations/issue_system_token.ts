/**
 * A token for a system account: by an admin's call or by `mcias token issue`.
 * @module
 */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import type { Account } from "../domain/account.ts";
import { joinScopes, parseScopes } from "../domain/token_scopes.ts";
import type { MintedToken } from "../tokens/token_authority.ts";
import { existing, type Identity } from "./identity.ts";

const maxDescriptionCharacters = 200;

/** A token as it is asked for. */
export interface TokenWish {
  readonly username: string;
  /** 0: as long as the setting says. */
  readonly seconds: number;
  readonly description: string;
  /** What the token is to be limited to; none for nothing. */
  readonly scopes: readonly string[];
}

/**
 * Signs and records the token.
 * @param by for the audit row
 * @throws PlatformError not_found; conflict for a human or an inactive account; invalid for the lifetime, description or scopes
 */
export async function issueSystemToken(
  identity: Pick<Identity, "store" | "authority" | "config">,
  wish: TokenWish,
  by: { actor: string; remote: string },
): Promise<{ account: Account; minted: MintedToken }> {
  const { store, authority, config } = identity;
  const { username, description } = wish;
  const limit = config.tokens.system_lifetime_seconds;
  const seconds = wish.seconds === 0 ? limit : wish.seconds;
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > limit) {
    throw invalid("ttl_seconds", `${wish.seconds} is more than tokens.system_lifetime_seconds, ${limit}`);
  }
  if (description.length > maxDescriptionCharacters) {
    throw invalid(
      "description",
      `has ${description.length} characters, at most ${maxDescriptionCharacters} are allowed`,
    );
  }
  const scopes = parseScopes(wish.scopes);
  const account = existing(store.accounts, username);
  const minted = await authority.mint(account, { lifetimeSeconds: seconds, description, scopes });
  store.write((writer) => {
    const now = existing(writer.accounts, username);
    if (now.type !== "system") {
      throw conflict(`Cannot issue a token for ${quote(username)}: it is a human's account`, {
        hint: "Humans get theirs by logging in.",
      });
    }
    if (now.status !== "active") throw conflict(`Cannot issue a token for ${quote(username)}: it is inactive`);
    writer.tokens.insert(minted.record);
    writer.audit.record(writer.at, {
      ...by,
      action: "token.issue",
      target: username,
      detail: `token ${minted.record.tokenId}, expires ${new Date(minted.record.expiresAt).toISOString()}` +
        (scopes === null ? "" : `, scopes ${joinScopes(scopes)}`),
    });
  });
  return { account, minted };
}
