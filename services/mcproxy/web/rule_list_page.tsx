/**
 * The firewall's rules in the order in which they are read, with what they did.
 * @module
 */
import { address, CsrfField, type Visit } from "@lib/web/mod.ts";
import type { FirewallRule } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { countText } from "./amounts.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { ExplainForm } from "./explain_page.tsx";
import { ruleDraftOf, ruleRequestOf } from "./rule_draft.ts";

export const firewallPath = "/firewall";
export const rulePath = `${firewallPath}/{rule}`;
/** As many as there may be (domain/firewall_rule.ts). */
const maxRules = 1000;
/** Networks of a rule and others that are shown in the list. */
const shownValues = 3;

export const ruleListRoutes: DeskRoute[] = [
  { method: "GET", path: firewallPath, handle: showRules },
  { method: "POST", path: `${rulePath}/switch`, handle: switchRule },
];

export const ruleAddress = (id: string, below = ""): string => address(rulePath + below, { rule: id });

async function showRules(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const [{ rules }, { listeners }] = await Promise.all([
    desk.firewall.listRules({ pageSize: maxRules }),
    desk.listeners.listListeners({}),
  ]);
  return await visit.page(
    "Firewall",
    <>
      <p class="actions beside">
        <a class="button" href="/new-rule">Add a rule</a>
      </p>
      {rules.length === 0 ? <p class="empty">There are no rules: everybody may come in.</p> : (
        <>
          <p class="faint">
            Read from the top for every connection and request; the first allow or block that matches decides.
          </p>
          <RuleTable visit={visit} rules={rules} />
        </>
      )}
      <h2>What would happen to…</h2>
      <ExplainForm question={{ host: "", path: "", address: "", userAgent: "", listener: "" }} listeners={listeners} />
    </>,
  );
}

export function RuleTable({ visit, rules }: { visit: Visit; rules: readonly FirewallRule[] }) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col" class="number">Priority</th>
          <th scope="col">What</th>
          <th scope="col">Whom</th>
          <th scope="col" class="number">Hits</th>
          <th scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>{rules.map((rule) => <Row visit={visit} rule={rule} />)}</tbody>
    </table>
  );
}

function Row({ visit, rule }: { visit: Visit; rule: FirewallRule }) {
  return (
    <tr>
      <th scope="row">
        <a href={ruleAddress(rule.id)} class="mono">{rule.id}</a>
        {rule.disabled
          ? (
            <>
              {" "}
              <span class="mark">switched off</span>
            </>
          )
          : null}
        {rule.note === "" ? null : <div class="faint note">{rule.note}</div>}
      </th>
      <td class="number" data-label="Priority">{rule.priority}</td>
      <td data-label="What">
        <span class={rule.action === "block" ? "mark bad" : rule.action === "allow" ? "mark good" : "mark"}>
          {rule.action}
        </span>
        {limitText(rule) === "" ? null : <div class="faint note">{limitText(rule)}</div>}
      </td>
      <td data-label="Whom">
        <Match rule={rule} />
      </td>
      <td class="number" data-label="Hits">{countText(rule.hits)}</td>
      <td class="row-actions">
        <form method="post" action={ruleAddress(rule.id, "/switch")}>
          <CsrfField visit={visit} />
          <input type="hidden" name="to" value={rule.disabled ? "on" : "off"} />
          <button type="submit" aria-label={`Switch ${rule.id} ${rule.disabled ? "on" : "off"}`}>
            Switch {rule.disabled ? "on" : "off"}
          </button>
        </form>
      </td>
    </tr>
  );
}

function limitText({ rate, maxConnections }: FirewallRule): string {
  return [
    rate === undefined ? "" : `above ${rate.perSecond}/s, ${rate.burst} at once`,
    maxConnections === 0 ? "" : `above ${maxConnections} connections`,
  ].filter((text) => text !== "").join("; ");
}

export function Match({ rule }: { rule: FirewallRule }) {
  const rows: (readonly [name: string, values: readonly string[]])[] = [
    ["listener", rule.listener === "" ? [] : [rule.listener]],
    ["name", rule.hostname === "" ? [] : [rule.hostname]],
    ["from", rule.cidrs],
    ["country", rule.countries],
    ["path", rule.paths],
    ["user agent", rule.userAgents.map((glob) => glob === "" ? "none at all" : glob)],
  ];
  const given = rows.filter(([, values]) => values.length > 0);
  if (given.length === 0) return <span class="faint">everybody</span>;
  return (
    <ul class="plain">
      {given.map(([name, values]) => (
        <li>
          <span class="faint">{name}</span> <span class="mono">{values.slice(0, shownValues).join(", ")}</span>
          {values.length > shownValues
            ? <span class="faint">and {countText(values.length - shownValues)} more</span>
            : null}
        </li>
      ))}
    </ul>
  );
}

async function switchRule(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const rule = await desk.firewall.getRule({ id: visit.param("rule") });
  const isOn = visit.form.text("to") === "on";
  await desk.firewall.putRule({
    ...ruleRequestOf(ruleDraftOf(rule)),
    disabled: !isOn,
    expectedVersion: rule.version,
  });
  return visit.redirect(firewallPath, `${rule.id} is ${isOn ? "on" : "off"}.`);
}
