/**
 * Firewall rules over the API.
 * @module
 */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, nextPageToken, type Operation, parsePage } from "@lib/contract/mod.ts";
import { notFound } from "@lib/errors/mod.ts";
import { FirewallService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { Firewall } from "../firewall/firewall.ts";
import type { RuleBook } from "../firewall/rule_book.ts";
import type { FirewallReader, RulePlace, StoredFirewallRule } from "../store/firewall_store.ts";

export interface FirewallOperationsOptions {
  book: RuleBook;
  firewall: Firewall;
  rules: FirewallReader;
}

export function firewallOperations({ book, firewall, rules }: FirewallOperationsOptions): Operation[] {
  const message = ({ createdAt, updatedAt, enabled, rate, ...rule }: StoredFirewallRule) => ({
    ...rule,
    disabled: !enabled,
    cidrs: [...rule.cidrs],
    countries: [...rule.countries],
    userAgents: [...rule.userAgents],
    paths: [...rule.paths],
    ...(rate === null ? {} : { rate }),
    hits: BigInt(firewall.hits(rule.id)?.hits ?? 0),
    createdAt: timestampFromMs(createdAt),
    updatedAt: timestampFromMs(updatedAt),
  });
  return [
    ...implement(FirewallService, {
      getRule: ({ id }) => {
        const rule = rules.get(id);
        if (rule === null) throw notFound("firewall rule", id);
        return message(rule);
      },
      putRule: ({ disabled, rate, expectedVersion, ...rule }) =>
        message(book.put({ ...rule, enabled: !disabled, rate: rate ?? null }, expectedVersion)),
      listRules: (request) => {
        const page = parsePage(request);
        const rows = rules.list(readPlace(page.after), page.limit + 1);
        const shown = rows.slice(0, page.limit);
        const last = rows.length > page.limit ? shown.at(-1) : undefined;
        return { rules: shown.map(message), nextPageToken: nextPageToken(last && `${last.priority} ${last.id}`) };
      },
      deleteRule: ({ id, expectedVersion }) => ({ deleted: book.delete(id, expectedVersion) }),
    }),
  ];
}

/** A page's last key is "priority id". */
function readPlace(key: string | null): RulePlace | null {
  if (key === null) return null;
  const [priority = "", id = ""] = key.split(" ");
  return { priority: Number(priority), id };
}
