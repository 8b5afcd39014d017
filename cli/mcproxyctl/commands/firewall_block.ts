/** firewall block, unblock: one rule that holds addresses, for when there is no time to think of another. */
import { buildCommand, type Command } from "@stricli/core";
import { type CliContext, jsonOf, printJson } from "@lib/cli/mod.ts";
import { conflict, invalid, PlatformError } from "@lib/errors/mod.ts";
import { DeleteRuleResponseSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { type Mcproxy, type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";
import { flagErrors } from "../flag_errors.ts";
import { changeLatest } from "../latest.ts";
import { settingsOf, showRule, subjectText } from "../rules.ts";

/** The rule's name. */
const blocked = "blocked";

const addresses = {
  kind: "array",
  minimum: 1,
  parameter: { brief: "Addresses and networks", parse: String, placeholder: "ip[/bits]" },
} as const;

/** An address alone has one spelling with and without its length. */
const spelled = (text: string): string => text.toLowerCase().replace(/^([\d.]+)\/32$|^([\da-f:]+)\/128$/, "$1$2");

/** A put's settings of the rule as it stands, or of a new one. @throws PlatformError conflict for one of another kind */
async function blockedRule({ firewall }: Mcproxy) {
  const rule = await firewall.getRule({ id: blocked }).catch(absent);
  if (rule === null) return { id: blocked, priority: 0, action: "block", cidrs: [], version: "none" };
  const { cidrs, action, disabled } = rule;
  const isPlain = action === "block" && !disabled && subjectText({ ...rule, cidrs: [] }) === "everybody";
  // Without addresses it would be about everybody.
  if (isPlain && cidrs.length > 0) return { ...settingsOf(rule), version: rule.version };
  throw conflict(`Cannot change rule "${blocked}": it is not the list of blocked addresses that it is kept for`, {
    hint: `mcproxyctl firewall list shows it; mcproxyctl firewall delete ${blocked} makes room for the list.`,
  });
}

function absent(error: unknown): null {
  if (error instanceof PlatformError && error.code === "not_found") return null;
  throw error;
}

function blockCommand(
  docs: { brief: string; fullDescription: string; customUsage: { input: string; brief: string }[] },
  change: (now: readonly string[], given: readonly string[]) => string[],
): Command<CliContext> {
  return buildCommand({
    docs,
    parameters: { flags: serverFlags, positional: addresses },
    async func(this: CliContext, flags: ServerFlags, ...given: string[]) {
      const answer = await withMcproxy(this, flags, async (proxy) => {
        return await changeLatest(
          () => blockedRule(proxy),
          async ({ version: expectedVersion, ...settings }) => {
            const cidrs = change(settings.cidrs, given.map(spelled));
            if (cidrs.length === 0) return await proxy.firewall.deleteRule({ id: blocked, expectedVersion });
            const rule = { ...settings, cidrs, expectedVersion };
            return await flagErrors({ cidrs: "ip" }, () => proxy.firewall.putRule(rule));
          },
        );
      });
      if (answer.$typeName === "mcproxy.v1.FirewallRule") return showRule(this, flags, answer);
      if (flags.json) printJson(this, jsonOf(DeleteRuleResponseSchema, answer));
      else this.print("Nobody is blocked by address any more\n");
    },
  });
}

export const firewallBlockCommand = blockCommand(
  {
    brief: "Block addresses, now",
    fullDescription:
      `Adds addresses and networks to the rule "${blocked}", which is asked before those of a higher priority than 0. Open connections are refused their next request; those that a route passes through stay.`,
    customUsage: [
      { input: "192.0.2.7 2001:db8:bad::/48", brief: "an address, and a network" },
    ],
  },
  (now, given) => [...new Set([...now, ...given])],
);

export const firewallUnblockCommand = blockCommand(
  {
    brief: "Let blocked addresses in again",
    fullDescription: `Takes addresses and networks out of the rule "${blocked}", as they are written there.`,
    customUsage: [{ input: "192.0.2.7", brief: "the others stay blocked" }],
  },
  (now, given) => {
    const stranger = given.find((one) => !now.includes(one));
    if (stranger !== undefined) {
      throw invalid("ip", `${stranger} is not in rule "${blocked}"`, {
        hint: `mcproxyctl firewall test ${stranger} says which rule it meets.`,
      });
    }
    return now.filter((one) => !given.includes(one));
  },
);
