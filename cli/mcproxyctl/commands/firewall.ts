/** firewall list, show, put, enable, disable, delete. */
import { buildCommand, type Command } from "@stricli/core";
import { type CliContext, jsonOf, listFlag, printJson, switchFlag, textFlag } from "@lib/cli/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { DeleteRuleResponseSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { rate, type WrittenRate } from "../amounts.ts";
import { expectedVersionFlag, type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";
import { flagErrors } from "../flag_errors.ts";
import { allRules, changeRule, findRule, showRule, showRules, showWholeRule } from "../rules.ts";

const idParameter = { brief: "The rule's name", parse: String, placeholder: "rule" } as const;
const idArgument = { kind: "tuple", parameters: [idParameter] } as const;

export const firewallListCommand = buildCommand({
  docs: {
    brief: "List the rules, in the order in which they are asked",
    customUsage: [{ input: "", brief: "with how often each decided since the start" }],
  },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    showRules(this, flags, await withMcproxy(this, flags, allRules));
  },
});

export const firewallShowCommand = buildCommand({
  docs: {
    brief: "Show all that is set on a rule",
    customUsage: [{ input: "scanners", brief: "with each of its networks, and its version" }],
  },
  parameters: { flags: serverFlags, positional: idArgument },
  async func(this: CliContext, flags: ServerFlags, id: string) {
    showWholeRule(this, flags, await withMcproxy(this, flags, (proxy) => findRule(proxy, id)));
  },
});

interface PutFlags extends ServerFlags {
  readonly priority: number;
  readonly listener?: string;
  readonly hostname?: string;
  readonly cidr?: readonly string[];
  readonly country?: readonly string[];
  readonly userAgent?: readonly string[];
  readonly path?: readonly string[];
  readonly rate?: WrittenRate;
  readonly burst?: number;
  readonly maxConnections?: number;
  readonly note?: string;
  readonly disabled: boolean;
  readonly expectedVersion?: string;
}

/** A whole number of at most seven digits; the rule's own limits are MC-Proxy's to say. */
function whole(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new Error("must be a whole number");
  return Number(text);
}

const wholeFlag = (brief: string) =>
  ({ kind: "parsed", parse: whole, brief, placeholder: "N", optional: true }) as const;

const putFlags = {
  ...serverFlags,
  priority: {
    kind: "parsed",
    parse: whole,
    brief: "Lower is asked first, 0 to 65535",
    placeholder: "N",
    default: "100",
  },
  listener: textFlag("Only on this listener", "NAME"),
  hostname: textFlag("Only for this name: example.org, *.example.org", "NAME"),
  cidr: listFlag("Only from these; several by repeating", "IP[/BITS]"),
  country: listFlag("Only from these, ISO 3166; ?? for unknown; several by repeating", "XX"),
  userAgent: listFlag("Only these user agents, with * and ?; several by repeating", "PATTERN"),
  path: listFlag("Only these paths, with * and ?; several by repeating", "PATTERN"),
  rate: {
    kind: "parsed",
    parse: rate,
    brief: "limit: what one client may: 10/s, 300/m, 1000/h",
    placeholder: "RATE",
    optional: true,
  },
  burst: wholeFlag("limit: how many of them at once [the rate's number]"),
  maxConnections: wholeFlag("limit: connections of one client at once"),
  note: textFlag("Why there is such a rule", "TEXT"),
  disabled: switchFlag("It is kept, but not asked"),
  ...expectedVersionFlag,
} as const;

/** What the API's fields are called here. */
const flagOf: Readonly<Record<string, string>> = {
  id: "rule",
  priority: "--priority",
  listener: "--listener",
  hostname: "--hostname",
  cidrs: "--cidr",
  countries: "--country",
  user_agents: "--user-agent",
  paths: "--path",
  rate: "--rate",
  "rate.per_second": "--rate",
  "rate.burst": "--burst",
  max_connections: "--max-connections",
  note: "--note",
};

const actions = ["allow", "block", "limit"] as const;
type Action = typeof actions[number];

function action(text: string): Action {
  const found = actions.find((one) => one === text);
  if (found === undefined) throw new Error("must be allow, block or limit");
  return found;
}

export const firewallPutCommand = buildCommand({
  docs: {
    brief: "Create or replace a rule",
    fullDescription:
      "Creates or replaces a rule. All that is given must match; a rule with nothing is about everybody. allow and block decide, the first that matches; limit refuses what is too often or too many, of connections, or with --path and --user-agent of requests. It holds at once, on l4 and l7 routes; requests are seen on l7 routes alone.",
    customUsage: [
      { input: "office allow --cidr 198.51.100.0/24 --priority 10", brief: "whatever rules come later" },
      { input: "scanners block --cidr 192.0.2.0/24 --cidr 2001:db8:bad::/48", brief: "networks" },
      { input: "login limit --hostname example.org --path '/login*' --rate 10/m --burst 5", brief: "per client" },
      { input: "few limit --max-connections 200", brief: "per client" },
      {
        input: "bots block --user-agent '*GPTBot*' --note 'asked by the editors'",
        brief: "l7 alone: it needs a request",
      },
      { input: "abroad block --country AQ --country ?? --listener https --disabled", brief: "kept for bad days" },
    ],
  },
  parameters: {
    flags: putFlags,
    positional: {
      kind: "tuple",
      parameters: [idParameter, {
        brief: "allow, block or limit",
        parse: action,
        placeholder: "action",
        proposeCompletions: () => [...actions],
      }],
    },
  },
  async func(this: CliContext, flags: PutFlags, id: string, action: Action) {
    const { priority, listener = "", hostname = "", rate, burst, maxConnections = 0, note = "", disabled } = flags;
    if (burst !== undefined && rate === undefined) throw invalid("--burst", "goes with --rate");
    const rule = await withMcproxy(this, flags, ({ firewall }) =>
      flagErrors(flagOf, () =>
        firewall.putRule({
          ...{ id, priority, disabled, action, listener, hostname, maxConnections, note },
          cidrs: [...flags.cidr ?? []],
          countries: [...flags.country ?? []],
          userAgents: [...flags.userAgent ?? []],
          paths: [...flags.path ?? []],
          expectedVersion: flags.expectedVersion ?? "",
          ...(rate === undefined ? {} : { rate: { perSecond: rate.perSecond, burst: burst ?? rate.burst } }),
        })));
    showRule(this, flags, rule);
  },
});

/** `firewall enable` and `firewall disable`. */
function switchCommand(brief: string, disabled: boolean): Command<CliContext> {
  return buildCommand({
    docs: { brief, customUsage: [{ input: "scanners", brief: "the rest of the rule stays as it is" }] },
    parameters: { flags: serverFlags, positional: idArgument },
    async func(this: CliContext, flags: ServerFlags, id: string) {
      showRule(this, flags, await withMcproxy(this, flags, (proxy) => changeRule(proxy, id, { disabled })));
    },
  });
}

export const firewallEnableCommand = switchCommand("Ask a rule again", false);
export const firewallDisableCommand = switchCommand("Keep a rule, but don't ask it", true);

export const firewallDeleteCommand = buildCommand({
  docs: {
    brief: "Delete a rule",
    fullDescription: "Deletes a rule, at once. One that isn't there is no error.",
    customUsage: [{ input: "scanners", brief: "its counts and buckets go with it" }],
  },
  parameters: { flags: { ...serverFlags, ...expectedVersionFlag }, positional: idArgument },
  async func(this: CliContext, flags: ServerFlags & { readonly expectedVersion?: string }, id: string) {
    const { expectedVersion = "" } = flags;
    const answer = await withMcproxy(this, flags, ({ firewall }) => firewall.deleteRule({ id, expectedVersion }));
    if (flags.json) printJson(this, jsonOf(DeleteRuleResponseSchema, answer));
    else this.print(answer.deleted ? `Deleted rule ${id}\n` : `There was no rule ${id}\n`);
  },
});
