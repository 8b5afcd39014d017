/**
 * Logging in and out.
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { implement, type Operation, requireCaller } from "@lib/contract/mod.ts";
import { invalid, quote, unauthenticated } from "@lib/errors/mod.ts";
import { AuthService, type LoginRequest, type LoginResponseSchema } from "@proto/mcias/v1/mcias_pb.ts";
import { isOversized, maxPasswordBytes } from "../domain/password_rule.ts";
import { actorOf, type Identity, loginMessage } from "./identity.ts";

export function authOperations(identity: Identity): Operation[] {
  const { store, authority, attempts, config } = identity;

  const lifetimeOf = (type: "human" | "system") =>
    type === "human" ? config.tokens.human_lifetime_seconds : config.tokens.system_lifetime_seconds;

  return implement(AuthService, {
    async login(request, call): Promise<MessageInitShape<typeof LoginResponseSchema>> {
      const context = loginContext(request);
      const { username, password } = request;
      const { remote } = call;
      if (isOversized(password)) throw invalid("password", `must have at most ${maxPasswordBytes} bytes`);
      const done = await attempts.run({ username, password, remote }, {
        prepare: (account) =>
          authority.mint(account, { lifetimeSeconds: lifetimeOf("human"), description: context, scopes: null }),
        succeed(writer, account, { record }) {
          writer.tokens.insert(record);
          writer.audit.record(writer.at, {
            actor: account.username,
            remote,
            action: "login",
            target: account.username,
            detail: `token ${record.tokenId}; ${context}`,
          });
        },
        fail(writer, account) {
          writer.audit.record(writer.at, {
            remote,
            action: "login",
            // A name that is no account's may be a password typed into the wrong field.
            target: account?.username ?? "(unknown)",
            outcome: "unauthenticated",
            detail: context,
          });
        },
      });
      if (done === null) throw unauthenticated("Wrong username or password");
      return loginMessage(done.account, done.prepared);
    },

    logout(_request, call) {
      const caller = requireCaller(call);
      store.write((writer) => {
        writer.tokens.revoke(caller.tokenId, writer.at);
        writer.audit.record(writer.at, {
          ...actorOf(call),
          action: "logout",
          target: caller.username,
          detail: `token ${caller.tokenId}`,
        });
      });
      return {};
    },

    async renew(_request, call) {
      const caller = requireCaller(call);
      const account = store.accounts.byId(caller.subject);
      const old = store.tokens.get(caller.tokenId);
      if (account === undefined || old === undefined) {
        throw unauthenticated("The token is no longer good; log in again");
      }
      // Who was given a short or a narrow token can't make a longer or wider one of it.
      const lifetimeSeconds = Math.min(lifetimeOf(account.type), (old.expiresAt - old.issuedAt) / 1000);
      const minted = await authority.mint(account, {
        lifetimeSeconds,
        description: old.description,
        scopes: caller.scopes ?? null,
      });
      store.write((writer) => {
        // Of two renewals of one token at once, or a renewal and a revocation, one loses here.
        const good = writer.accounts.byId(account.id)?.status === "active" &&
          writer.tokens.revoke(caller.tokenId, writer.at);
        if (!good) throw unauthenticated("The token is no longer good; log in again");
        writer.tokens.insert(minted.record);
        writer.audit.record(writer.at, {
          ...actorOf(call),
          action: "token.renew",
          target: account.username,
          detail: `token ${caller.tokenId} became ${minted.record.tokenId}`,
        });
      });
      return loginMessage(account, minted);
    },
  });
}

/**
 * Which service the login is for, as the token's description and the audit row have it.
 * @throws PlatformError invalid
 */
function loginContext(request: LoginRequest): string {
  const { serviceName, tags } = request;
  if (serviceName !== "" && !namePattern.test(serviceName)) {
    throw invalid("service_name", `${quote(serviceName)} does not match [a-z0-9][a-z0-9._-]{0,62}`);
  }
  if (tags.length > 16) throw invalid("tags", `has ${tags.length} entries, at most 16 are allowed`);
  tags.forEach((tag, i) => {
    if (!tagPattern.test(tag)) throw invalid(`tags[${i}]`, `${quote(tag)} does not match [a-z0-9][a-z0-9._:-]{0,62}`);
  });
  const service = serviceName === "" ? "login" : `login for ${serviceName}`;
  return tags.length === 0 ? service : `${service}, tags ${tags.join(" ")}`;
}

const namePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const tagPattern = /^[a-z0-9][a-z0-9._:-]{0,62}$/;
