/**
 * Making, changing and deleting a rule of the firewall.
 * @module
 */
import {
  Choice,
  CsrfField,
  Field,
  FormError,
  type FormErrors,
  formErrors,
  noErrors,
  Tick,
  type Visit,
} from "@lib/web/mod.ts";
import type { FirewallRule, Listener } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { countText } from "./amounts.ts";
import type { Desk, DeskRoute } from "./desk.ts";
import { emptyRule, type RuleDraft, ruleDraftFrom, ruleDraftOf, ruleFields, ruleRequestOf } from "./rule_draft.ts";
import { firewallPath, ruleAddress, rulePath } from "./rule_list_page.tsx";

const newPath = "/new-rule";
/** 10,000 networks, 43 characters each at most. */
const maxFormBytes = 1024 * 1024;

export const rulePageRoutes: DeskRoute[] = [
  { method: "GET", path: newPath, handle: (desk) => showNew(desk, emptyRule, noErrors) },
  { method: "POST", path: newPath, maxFormBytes, handle: create },
  { method: "GET", path: rulePath, handle: (desk) => showRule(desk) },
  { method: "POST", path: rulePath, maxFormBytes, handle: save },
  { method: "POST", path: `${rulePath}/delete`, handle: remove },
];

/** The API's names for what the form calls otherwise. */
const aliases = { per_second: "rate", perSecond: "rate" };
const fields = [...ruleFields];

async function showNew(desk: Desk, draft: RuleDraft, errors: FormErrors): Promise<Response> {
  const { listeners } = await desk.listeners.listListeners({});
  return await desk.visit.page(
    "New rule",
    <RuleForm visit={desk.visit} action={newPath} draft={draft} errors={errors} listeners={listeners} version={null} />,
    { status: errors.status },
  );
}

async function create(desk: Desk): Promise<Response> {
  const draft = ruleDraftFrom(desk.visit.form);
  try {
    const { id } = await desk.firewall.putRule({ ...ruleRequestOf(draft), expectedVersion: "none" });
    return desk.visit.redirect(firewallPath, `${id} added. It holds from now on.`);
  } catch (error) {
    return await showNew(desk, draft, formErrors(error, fields, aliases));
  }
}

async function showRule(
  desk: Desk,
  refused?: { draft?: RuleDraft; errors: FormErrors; version?: string },
): Promise<Response> {
  const { visit } = desk;
  const [rule, { listeners }] = await Promise.all([
    desk.firewall.getRule({ id: visit.param("rule") }),
    desk.listeners.listListeners({}),
  ]);
  return await visit.page(
    `Rule ${rule.id}`,
    <>
      <p class="facts">
        <span>{hitsText(rule)}</span>
      </p>
      <RuleForm
        visit={visit}
        action={ruleAddress(rule.id)}
        draft={refused?.draft ?? ruleDraftOf(rule)}
        errors={refused?.errors ?? noErrors}
        listeners={listeners}
        version={refused?.version ?? rule.version}
      />
      <form method="post" action={ruleAddress(rule.id, "/delete")} class="narrow danger">
        <h2>Delete the rule</h2>
        <CsrfField visit={visit} />
        <input type="hidden" name="version" value={rule.version} />
        <p>Switching it off keeps it for another time.</p>
        <p class="actions">
          <button type="submit" class="bad">Delete {rule.id}</button>
        </p>
      </form>
    </>,
    { status: refused?.errors.status ?? 200 },
  );
}

function hitsText({ hits }: FirewallRule): string {
  return hits === 0n ? "It hasn't matched since the start." : `It matched ${countText(hits)} times since the start.`;
}

async function save(desk: Desk): Promise<Response> {
  const { visit } = desk;
  const draft = { ...ruleDraftFrom(visit.form), id: visit.param("rule") };
  const version = visit.form.text("version");
  try {
    await desk.firewall.putRule({ ...ruleRequestOf(draft), expectedVersion: version });
    return visit.redirect(firewallPath, `${draft.id} saved. It holds from now on.`);
  } catch (error) {
    return await showRule(desk, { draft, errors: formErrors(error, fields, aliases), version });
  }
}

async function remove(desk: Desk): Promise<Response> {
  const id = desk.visit.param("rule");
  try {
    await desk.firewall.deleteRule({ id, expectedVersion: desk.visit.form.text("version") });
    return desk.visit.redirect(firewallPath, `${id} deleted.`);
  } catch (error) {
    return await showRule(desk, { errors: formErrors(error, []) });
  }
}

function RuleForm({ visit, action, draft, errors, listeners, version }: {
  visit: Visit;
  action: string;
  draft: RuleDraft;
  errors: FormErrors;
  listeners: readonly Listener[];
  /** Null for a new rule; else the version that was read, which must still be there when it is saved. */
  version: string | null;
}) {
  const text = (name: keyof RuleDraft) => ({ name, value: draft[name], errors });
  const isNew = version === null;
  return (
    <form method="post" action={action} class="wide-form">
      <CsrfField visit={visit} />
      {isNew ? null : <input type="hidden" name="version" value={version} />}
      <FormError errors={errors} />
      <div class="line">
        {isNew ? <Field {...text("id")} label="Name" placeholder="no-scanners" class="wide" required mono /> : null}
        <Choice
          {...text("action")}
          label="Action"
          options={[["block", "Block"], ["allow", "Allow"], ["limit", "Limit"]]}
        />
        <Field
          {...text("priority")}
          label="Priority"
          inputmode="numeric"
          hint="Lower is read first."
          class="small"
          required
        />
      </div>
      <Tick name="enabled" label="Switched on" ticked={draft.enabled !== ""} />
      <fieldset>
        <legend>Whom it is about: all that is given must match</legend>
        <Field
          {...text("cidrs")}
          label="Addresses and networks"
          placeholder="192.0.2.0/24"
          hint="IPv4 or IPv6, one per line."
          rows={3}
          mono
        />
        <div class="line">
          <Field
            {...text("countries")}
            label="Countries"
            placeholder="DE FR"
            hint="Two letters each; ?? for unknown ones."
            mono
          />
          <Choice
            {...text("listener")}
            label="Listener"
            options={[["", "all"], ...listeners.map(({ name }) => [name, name] as const)]}
          />
          <Field {...text("hostname")} label="Host name" placeholder="all" hint="Or *.example.org." class="wide" mono />
        </div>
        <div class="line">
          <Field
            {...text("paths")}
            label="Paths"
            placeholder="/admin/*"
            hint="With * and ?, one per line."
            rows={2}
            class="wide"
            mono
          />
          <Field
            {...text("user_agents")}
            label="User agents"
            placeholder="*scanner*"
            hint="With * and ?, whatever the case, one per line."
            rows={2}
            class="wide"
            mono
          />
        </div>
      </fieldset>
      <fieldset>
        <legend>For a limit: what one client may</legend>
        <div class="line">
          <Field {...text("rate")} label="Per second" placeholder="10" />
          <Field {...text("burst")} label="At once" placeholder="20" inputmode="numeric" />
          <Field {...text("max_connections")} label="Connections open" placeholder="any" inputmode="numeric" />
        </div>
      </fieldset>
      <Field {...text("note")} label="Note" hint="Why it is there; for whoever looks next." />
      <p class="actions">
        <button type="submit">{isNew ? "Add rule" : "Save"}</button> <a href={firewallPath}>Cancel</a>
      </p>
    </form>
  );
}
