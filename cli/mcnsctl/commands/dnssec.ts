/** zone sign, unsign, keys, roll, ds. */
import { buildCommand } from "@stricli/core";
import { age, type CliContext, facts, jsonOf, printJson, switchFlag, textFlag, time } from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import { type Dnssec, DnssecSchema, UnsignZoneResponseSchema } from "@proto/mcns/v1/dnssec_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";
import { durationFlag, zoneArgument } from "../words.ts";

/** A large zone is signed piece by piece, so that queries are answered meanwhile: 100,000 names take minutes. */
const signingMs = 3_600_000;

interface SignFlags extends ServerFlags {
  readonly algorithm?: string;
  readonly denial?: string;
  readonly splitKeys: boolean;
  readonly signatures?: number;
  readonly zskLifetime?: number;
  readonly kskLifetime?: number;
  readonly propagation?: number;
  readonly dsTtl?: number;
}

export const zoneSignCommand = buildCommand({
  docs: {
    brief: "Sign a zone, or change how it is signed",
    fullDescription:
      "Makes keys and signs the zone (DNSSEC), or changes how it is signed. Signatures are made anew by themselves. Give the parent the DS records that `zone ds` prints.",
    customUsage: [
      { input: "example.org", brief: "ECDSA P-256, NSEC, one key for everything" },
      { input: "example.org --algorithm ed25519 --denial nsec3 --split-keys", brief: "as chosen" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      algorithm: textFlag("ecdsap256sha256 or ed25519 [ecdsap256sha256]", "NAME"),
      denial: textFlag("nsec or nsec3 [nsec]", "WAY"),
      splitKeys: switchFlag("A key-signing and a zone-signing key instead of one for both"),
      signatures: durationFlag("How long a signature is valid [14d]"),
      zskLifetime: durationFlag("A zone-signing key is replaced after [90d]"),
      kskLifetime: durationFlag("A key-signing key is replaced after [only by zone roll]"),
      propagation: durationFlag("After that, every secondary has a change [1h]"),
      dsTtl: durationFlag("TTL of the DS records at the parent [1d]"),
    },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: SignFlags, zone: string) {
    const { algorithm = "", denial = "", splitKeys, signatures = 0, zskLifetime = 0, kskLifetime = 0 } = flags;
    const answer = await withMcns(this, flags, ({ dnssec }) =>
      dnssec.signZone({
        ...{ zone, algorithm, denial, splitKeys },
        signatureSeconds: signatures,
        zskLifetimeSeconds: zskLifetime,
        kskLifetimeSeconds: kskLifetime,
        propagationSeconds: flags.propagation ?? 0,
        dsTtlSeconds: flags.dsTtl ?? 0,
      }, { deadlineMs: signingMs }));
    show(this, flags, answer);
  },
});

function show(context: CliContext, flags: ServerFlags, state: Dnssec): void {
  if (flags.json) return printJson(context, jsonOf(DnssecSchema, state));
  context.print(facts([
    ["zone", state.zone],
    ["signed", state.signed ? `yes, ${state.algorithm}, ${state.denial}, serial ${state.serial}` : "no"],
    ...(state.nextEvent === "" ? [] : [["next", `${state.nextEvent} ${time(state.nextEventAt)}`.trimEnd()] as const]),
    ...(state.signed ? [["signatures", `valid until ${time(state.signaturesExpireAt)} or longer`] as const] : []),
  ]));
  if (state.keys.length > 0) {
    const now = Date.now();
    context.print(`\n${
      table(state.keys, [
        { heading: "key", cell: ({ tag }) => String(tag), align: "right" },
        { heading: "role", cell: ({ role }) => role },
        { heading: "algorithm", cell: ({ algorithm }) => algorithm },
        { heading: "state", cell: ({ state }) => state },
        { heading: "since", cell: ({ stateSince }) => age(stateSince, now), align: "right" },
        { heading: "created", cell: ({ createdAt }) => time(createdAt) },
      ])
    }`);
  }
  if (state.waitsForDs) {
    const todo = state.ds.length === 0 ? "Have the parent remove its DS records" : "Give the parent these DS records";
    context.print(`\n${todo}, then run: mcnsctl zone ds ${state.zone} --confirm\n`);
    for (const line of state.ds) context.print(`${line}\n`);
  }
}

export const zoneUnsignCommand = buildCommand({
  docs: {
    brief: "Take a zone's signatures and keys away",
    fullDescription:
      "Takes a zone's signatures and keys away. While the parent may have a DS record, it is asked by CDS to remove that, and validators go on being served; `zone ds --confirm` says that it has. Shows what is still to come.",
    customUsage: [
      { input: "example.org", brief: "in the order that keeps it reachable for validators" },
      { input: "example.org --force", brief: "at once, although the parent may have a DS record" },
    ],
  },
  parameters: {
    flags: { ...serverFlags, force: switchFlag("At once, although the parent may have a DS record") },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: ServerFlags & { readonly force: boolean }, zone: string) {
    const { force } = flags;
    await withMcns(this, flags, async ({ dnssec }) => {
      const answer = await dnssec.unsignZone({ zone, force });
      if (flags.json) printJson(this, jsonOf(UnsignZoneResponseSchema, answer));
      else show(this, flags, await dnssec.getDnssec({ zone }));
    });
  },
});

export const zoneKeysCommand = buildCommand({
  docs: {
    brief: "Show a zone's keys and what happens next to them",
    customUsage: [{ input: "example.org", brief: "states, next rollover, end of the signatures" }],
  },
  parameters: { flags: serverFlags, positional: zoneArgument },
  async func(this: CliContext, flags: ServerFlags, zone: string) {
    show(this, flags, await withMcns(this, flags, ({ dnssec }) => dnssec.getDnssec({ zone })));
  },
});

export const zoneRollCommand = buildCommand({
  docs: {
    brief: "Start to replace a key",
    customUsage: [
      { input: "example.org ksk", brief: "or zsk, or csk; the steps follow by themselves, but for the DS" },
      { input: "example.org zsk --emergency", brief: "somebody else has the key: waits for no cache" },
    ],
  },
  parameters: {
    flags: { ...serverFlags, emergency: switchFlag("The key is compromised: wait for no cache") },
    positional: {
      kind: "tuple",
      parameters: [
        ...zoneArgument.parameters,
        { brief: "Which key: ksk, zsk or csk", parse: String, placeholder: "role" },
      ],
    },
  },
  async func(this: CliContext, flags: ServerFlags & { readonly emergency: boolean }, zone: string, role: string) {
    const { emergency } = flags;
    show(this, flags, await withMcns(this, flags, ({ dnssec }) => dnssec.rollKey({ zone, role, emergency })));
  },
});

interface DsFlags extends ServerFlags {
  readonly confirm: boolean;
  readonly trustAnchor: boolean;
}

export const zoneDsCommand = buildCommand({
  docs: {
    brief: "Print the DS records for the parent zone",
    customUsage: [
      { input: "example.org", brief: "to give to the registrar" },
      { input: "example.org --confirm", brief: "the parent has exactly these now" },
      { input: "example.org --trust-anchor", brief: "DNSKEY records, for a validator of one's own" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      confirm: switchFlag("Say that the parent has them, and no others"),
      trustAnchor: switchFlag("Print DNSKEY records instead"),
    },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: DsFlags, zone: string) {
    const state = await withMcns(
      this,
      flags,
      ({ dnssec }) => flags.confirm ? dnssec.confirmDs({ zone }) : dnssec.getDnssec({ zone }),
    );
    if (flags.confirm || flags.json) return show(this, flags, state);
    for (const line of flags.trustAnchor ? state.trustAnchors : state.ds) this.print(`${line}\n`);
  },
});
