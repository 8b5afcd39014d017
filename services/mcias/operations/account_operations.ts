/**
 * Accounts, roles and credentials.
 * @module
 */
import { implement, nextPageToken, type Operation, parsePage, requireCaller } from "@lib/contract/mod.ts";
import { conflict, denied, invalid, notFound, quote } from "@lib/errors/mod.ts";
import { AccountService } from "@proto/mcias/v1/mcias_pb.ts";
import { type Account, parseStatus, refuseLosingLastAdmin } from "../domain/account.ts";
import { checkPassword, isOversized, maxPasswordBytes } from "../domain/password_rule.ts";
import { parseRoles } from "../domain/roles.ts";
import { insertAccount, prepareAccount } from "./create_account.ts";
import { accountMessage, actorOf, existing, type Identity } from "./identity.ts";

export function accountOperations(identity: Identity): Operation[] {
  const { store, hasher, attempts } = identity;

  return implement(AccountService, {
    async createAccount(request, call) {
      const prepared = await prepareAccount(request, hasher);
      return accountMessage(store.write((writer) => insertAccount(writer, prepared, actorOf(call))));
    },

    getAccount({ username }) {
      const account = store.accounts.byUsername(username);
      if (account === undefined) throw notFound("account", username);
      return accountMessage(account);
    },

    listAccounts(request) {
      const { limit, after } = parsePage(request);
      const rows = store.accounts.page(after ?? "", limit + 1);
      const page = rows.slice(0, limit);
      return {
        accounts: page.map(accountMessage),
        nextPageToken: rows.length > limit ? nextPageToken(page.at(-1)?.username) : "",
      };
    },

    updateAccount(request, call) {
      return accountMessage(store.write((writer) => {
        const before = existing(writer.accounts, request.username);
        const after: Account = {
          ...before,
          status: request.status === "" ? before.status : parseStatus(request.status),
          roles: request.setRoles ? parseRoles(before.type, request.roles) : before.roles,
          updatedAt: writer.at,
        };
        if (!request.setRoles && request.roles.length > 0) {
          throw invalid("roles", "given without set_roles; set it to true to replace the account's roles");
        }
        const changes = [
          ...(after.status === before.status ? [] : [`status ${before.status} to ${after.status}`]),
          ...(after.roles.join() === before.roles.join()
            ? []
            : [`roles "${before.roles.join(" ")}" to "${after.roles.join(" ")}"`]),
        ];
        if (changes.length === 0) return before;
        refuseLosingLastAdmin(before, after, writer.accounts.activeAdmins());
        writer.accounts.update(after);
        writer.audit.record(writer.at, {
          ...actorOf(call),
          action: "account.update",
          target: after.username,
          detail: changes.join(", "),
        });
        return after;
      }));
    },

    deleteAccount({ username }, call) {
      store.write((writer) => {
        const before = existing(writer.accounts, username);
        const after: Account = { ...before, status: "deleted", roles: [], updatedAt: writer.at };
        refuseLosingLastAdmin(before, after, writer.accounts.activeAdmins());
        writer.accounts.update(after);
        const revoked = writer.tokens.revokeAll(before.id, writer.at);
        writer.audit.record(writer.at, {
          ...actorOf(call),
          action: "account.delete",
          target: username,
          detail: `tokens revoked: ${revoked}`,
        });
      });
      return {};
    },

    async changePassword({ currentPassword, newPassword }, call) {
      const caller = requireCaller(call);
      if (caller.accountType !== "human") {
        throw denied("humans-only", "Only a human's account has a password to change");
      }
      if (isOversized(currentPassword)) {
        throw invalid("current_password", `must have at most ${maxPasswordBytes} bytes`);
      }
      checkPassword(newPassword, caller.username, "new_password");
      if (newPassword === currentPassword) throw invalid("new_password", "is the current password");
      const { username } = caller;
      const done = await attempts.run({ username, password: currentPassword, remote: call.remote }, {
        prepare: () => hasher.hash(newPassword),
        succeed(writer, account, hash) {
          writer.accounts.setPasswordHash(account.id, hash);
          const revoked = writer.tokens.revokeAll(account.id, writer.at, caller.tokenId);
          writer.audit.record(writer.at, {
            ...actorOf(call),
            action: "password.change",
            target: username,
            detail: `other tokens revoked: ${revoked}`,
          });
        },
        fail(writer) {
          writer.audit.record(writer.at, {
            ...actorOf(call),
            action: "password.change",
            target: username,
            outcome: "denied",
            detail: "wrong current password",
          });
        },
      });
      // Not "unauthenticated": the token is good, and clients would throw it away.
      if (done === null) throw denied("current-password", "The current password is wrong");
      return {};
    },

    async resetPassword({ username, newPassword }, call) {
      refuseSystem(existing(store.accounts, username));
      checkPassword(newPassword, username, "new_password");
      const hash = await hasher.hash(newPassword);
      store.write((writer) => {
        const account = existing(writer.accounts, username);
        writer.accounts.setPasswordHash(account.id, hash);
        // Whoever was locked out by somebody else's guesses gets in again.
        writer.failures.clear("account", username);
        const revoked = writer.tokens.revokeAll(account.id, writer.at);
        writer.audit.record(writer.at, {
          ...actorOf(call),
          action: "password.reset",
          target: username,
          detail: `tokens revoked: ${revoked}`,
        });
      });
      return {};
    },
  });
}

function refuseSystem(account: Account): void {
  if (account.type === "system") {
    throw conflict(`Cannot set a password for ${quote(account.username)}: a system account has none`, {
      hint: "Issue it a token instead.",
    });
  }
}
