/** The administration of the registry: what gRPC and /v1 offer beside the registry protocol. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Call, implement, nextPageToken, type Operation, parsePage, requireCaller } from "@lib/contract/mod.ts";
import { denied, invalid, notFound, quote } from "@lib/errors/mod.ts";
import { parseRule } from "@lib/policy/mod.ts";
import { AdminService, AuditService, PolicyService, RepositoryService } from "@proto/mcr/v1/mcr_pb.ts";
import { parseRepositoryName } from "./domain/repository_name.ts";
import { type Action, actions } from "./domain/scope.ts";
import { pullable } from "./oci/listings.ts";
import { decide, ruleActions } from "./policy.ts";
import type { Stores } from "./store/stores.ts";

export function mcrOperations(stores: Stores): Operation[] {
  return [
    ...repositoryOperations(stores),
    ...policyOperations(stores),
    ...auditOperations(stores),
    ...adminOperations(stores),
  ];
}

function repositoryOperations(stores: Stores): Operation[] {
  return implement(RepositoryService, {
    listRepositories(request, call) {
      const { limit, after } = parsePage(request);
      const { names, more } = pullable(stores, requireCaller(call), after ?? "", limit);
      return {
        repositories: names.flatMap((name) => stores.repositories.get(name) ?? []).map((row) => ({
          name: row.name,
          tagCount: row.tags,
          manifestCount: row.manifests,
          updatedAt: timestampFromMs(row.updatedAt),
        })),
        nextPageToken: more ? nextPageToken(names.at(-1)) : "",
      };
    },

    listTags(request, call) {
      const name = parseRepositoryName(request.repository);
      const decision = decide(stores.rules.list(), requireCaller(call), "pull", name);
      if (!decision.allowed) throw denied(decision.ruleId === "" ? "default-deny" : decision.ruleId, decision.reason);
      const id = stores.repositories.find(name);
      if (id === null) throw notFound("repository", name);
      const { limit, after } = parsePage(request);
      const rows = stores.tags.list(id, after ?? "", limit + 1);
      const page = rows.slice(0, limit);
      return {
        tags: page.map((tag) => ({
          repository: name,
          name: tag.name,
          digest: tag.digest,
          mediaType: tag.mediaType,
          size: BigInt(tag.size),
          updatedAt: timestampFromMs(tag.updatedAt),
        })),
        nextPageToken: rows.length > limit ? nextPageToken(page.at(-1)?.name) : "",
      };
    },
  });
}

function policyOperations(stores: Stores): Operation[] {
  const { rules, audit } = stores;
  return implement(PolicyService, {
    listRules: () => ({ rules: rules.list().map(messageOf) }),

    putRule(request, call) {
      if (request.rule === undefined) throw invalid("rule", "is missing");
      const rule = parseRule(request.rule, { actions: ruleActions });
      stores.write((at) => {
        rules.put(rule, at);
        audit.record(at, { ...by(call), action: "policy.put", target: rule.id, detail: JSON.stringify(rule) });
      });
      return messageOf(rule);
    },

    deleteRule({ id }, call) {
      stores.write((at) => {
        rules.delete(id);
        audit.record(at, { ...by(call), action: "policy.delete", target: id });
      });
      return {};
    },

    checkPolicy({ username, accountType, roles, action, resource }) {
      if (accountType !== "human" && accountType !== "system") {
        throw invalid("account_type", `must be "human" or "system", got ${quote(accountType)}`);
      }
      if (!isAction(action)) throw invalid("action", `must be one of ${actions.join(", ")}, got ${quote(action)}`);
      return decide(rules.list(), { username, accountType, roles }, action, parseRepositoryName(resource));
    },
  });
}

function auditOperations(stores: Stores): Operation[] {
  return implement(AuditService, {
    listEvents(request) {
      const { actor, action } = request;
      const { events, lastKey } = stores.audit.list({ actor, action, page: parsePage(request) });
      return { events, nextPageToken: nextPageToken(lastKey) };
    },
  });
}

function adminOperations(stores: Stores): Operation[] {
  return implement(AdminService, {
    getStats() {
      const { count, bytes } = stores.blobs.totals();
      return {
        repositories: BigInt(stores.repositories.count()),
        manifests: BigInt(stores.manifests.count()),
        blobs: BigInt(count),
        blobBytes: BigInt(bytes),
        uploadsInProgress: BigInt(stores.uploads.count()),
      };
    },
  });
}

function messageOf(rule: ReturnType<typeof parseRule>) {
  const { accounts, roles, accountTypes, actions, resources, ...rest } = rule;
  return {
    ...rest,
    accounts: [...accounts],
    roles: [...roles],
    accountTypes: [...accountTypes],
    actions: [...actions],
    resources: [...resources],
  };
}

function by(call: Call): { actor: string; remote: string } {
  return { actor: requireCaller(call).username, remote: call.remote };
}

function isAction(text: string): text is Action {
  return (actions as readonly string[]).includes(text);
}
