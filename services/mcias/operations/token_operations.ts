/**
 * Tokens: validation for services, issue and revocation for admins.
 * @module
 */
import { implement, nextPageToken, type Operation, parsePage } from "@lib/contract/mod.ts";
import { invalid, notFound, quote } from "@lib/errors/mod.ts";
import { TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import { actorOf, existing, type Identity, identityMessage, loginMessage, tokenMessage } from "./identity.ts";
import { issueSystemToken } from "./issue_system_token.ts";

/** Told whether a token was good; for metrics. */
export type OnValidation = (valid: boolean) => void;

export function tokenOperations(identity: Identity, onValidation: OnValidation = () => {}): Operation[] {
  const { store, authority } = identity;
  return implement(TokenService, {
    async validateToken({ token, takesScopes }) {
      const caller = await authority.check(token);
      const isValid = caller !== null && (takesScopes || caller.scopes === undefined);
      onValidation(isValid);
      return isValid ? { valid: true, identity: identityMessage(caller) } : { valid: false };
    },

    async issueToken({ username, ttlSeconds, description, scopes }, call) {
      // Numbers beyond 2^53 are far beyond every limit; they only have to stay refused.
      const seconds = Number(ttlSeconds);
      const wish = { username, seconds, description, scopes };
      const { account, minted } = await issueSystemToken(identity, wish, actorOf(call));
      return loginMessage(account, minted);
    },

    listTokens(request) {
      const account = store.accounts.byUsername(request.username);
      if (account === undefined) throw notFound("account", request.username);
      const { limit, after } = parsePage(request);
      const before = after === null ? Number.MAX_SAFE_INTEGER : Number(after);
      if (!Number.isSafeInteger(before)) {
        throw invalid("page_token", "not a token of this list; start again without it");
      }
      const rows = store.tokens.page(account.id, before, limit + 1);
      const page = rows.slice(0, limit);
      return {
        tokens: page.map((record) => tokenMessage(account.username, record)),
        nextPageToken: rows.length > limit ? nextPageToken(page.at(-1)?.sequence) : "",
      };
    },

    revokeToken({ username, tokenId }, call) {
      return store.write((writer) => {
        const account = existing(writer.accounts, username);
        if (tokenId !== "" && writer.tokens.get(tokenId)?.accountId !== account.id) {
          throw notFound(`token of ${quote(username)}`, tokenId);
        }
        const revoked = tokenId === ""
          ? writer.tokens.revokeAll(account.id, writer.at)
          : Number(writer.tokens.revoke(tokenId, writer.at));
        writer.audit.record(writer.at, {
          ...actorOf(call),
          action: "token.revoke",
          target: username,
          detail: tokenId === ""
            ? `all tokens: ${revoked}`
            : `token ${tokenId}${revoked === 0 ? ", already revoked" : ""}`,
        });
        return { revoked };
      });
    },
  });
}
