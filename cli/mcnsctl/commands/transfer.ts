/** zone transfer, refresh, catalog. */
import { buildCommand } from "@stricli/core";
import { type CliContext, facts, jsonOf, listFlag, printJson, switchFlag, time } from "@lib/cli/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import { SetCatalogResponseSchema, type Transfer, TransferSchema, type ZonePeer } from "@proto/mcns/v1/transfer_pb.ts";
import { type ServerFlags, serverFlags, withMcns } from "../connection.ts";
import { zoneArgument } from "../words.ts";

type Peer = Pick<ZonePeer, "address" | "tsigKey" | "tlsName">;

/** Reads "192.0.2.53:53", with ",key=NAME" and ",tls=NAME" after it. */
export function parsePeer(text: string, flag: string): Peer {
  const [address = "", ...options] = text.split(",");
  const peer: Record<"key" | "tls", string> = { key: "", tls: "" };
  for (const option of options) {
    const [name = "", value = ""] = option.split(/=(.*)/s);
    if ((name !== "key" && name !== "tls") || value === "") {
      throw invalid(flag, `an address is followed by key=NAME or tls=NAME, got ${quote(option)}`);
    }
    peer[name] = value;
  }
  return { address, tsigKey: peer.key, tlsName: peer.tls };
}

function peerText({ address, tsigKey, tlsName }: Peer): string {
  return `${address}${tsigKey === "" ? "" : `,key=${tsigKey}`}${tlsName === "" ? "" : `,tls=${tlsName}`}`;
}

interface TransferFlags extends ServerFlags {
  readonly from?: readonly string[];
  readonly to?: readonly string[];
}

export const zoneTransferCommand = buildCommand({
  docs: {
    brief: "Show or set who a zone is transferred from and to",
    fullDescription:
      'Shows who a zone is transferred from and to, and how that goes; with --from or --to, sets it first. What isn\'t given stays; "none" alone takes all away. A peer is IP:PORT, or of those who only may transfer a network (192.0.2.0/24), followed by ,key=NAME for a TSIG key and ,tls=NAME for TLS with the name in its certificate.',
    customUsage: [
      { input: "example.org", brief: "serial, checks, what secondaries answered to the last NOTIFY" },
      { input: "example.org --to 192.0.2.54:53,key=backup.example.org", brief: "a secondary, notified and let in" },
      { input: "example.net --from 192.0.2.53:853,tls=ns1.example.net", brief: "a primary, over TLS" },
      { input: "example.org --to none", brief: "nobody any more" },
    ],
  },
  parameters: {
    flags: {
      ...serverFlags,
      from: listFlag("Primary of a secondary zone; several by repeating", "PEER"),
      to: listFlag("Secondary, or network that may transfer; several by repeating", "PEER"),
    },
    positional: zoneArgument,
  },
  async func(this: CliContext, flags: TransferFlags, zone: string) {
    const from = peersOf(flags.from, "--from"), to = peersOf(flags.to, "--to");
    const answer = await withMcns(this, flags, async ({ transfers }) => {
      const now = await transfers.getTransfer({ zone });
      if (from === undefined && to === undefined) return now;
      return await transfers.setTransfer({
        zone,
        primaries: from ?? now.primaries,
        secondaries: to ?? now.secondaries,
      });
    });
    show(this, flags, answer);
  },
});

function peersOf(given: readonly string[] | undefined, flag: string): Peer[] | undefined {
  if (given === undefined) return undefined;
  return given.length === 1 && given[0] === "none" ? [] : given.map((text) => parsePeer(text, flag));
}

function show(context: CliContext, flags: ServerFlags, state: Transfer): void {
  if (flags.json) return printJson(context, jsonOf(TransferSchema, state));
  const { zone, kind, serial, primaries, secondaries, checkedAt, transferredAt, expiresAt, expired, error } = state;
  context.print(facts([
    ["zone", zone],
    ["kind", `${kind}, serial ${serial}`],
    ...(kind === "secondary"
      ? [
        ["from", primaries.map(peerText).join(" ") || "nobody"] as const,
        ["checked", time(checkedAt) || "never"] as const,
        ["transferred", time(transferredAt) || "never"] as const,
        [expired ? "expired" : "expires", time(expiresAt) || "never"] as const,
      ]
      : []),
    ["to", secondaries.map(peerText).join(" ") || "nobody"],
    ...(error === "" ? [] : [["error", error] as const]),
  ]));
  if (state.notifies.length === 0) return;
  context.print(`\n${
    table(state.notifies, [
      { heading: "notified", cell: ({ address }) => address },
      { heading: "serial", cell: ({ serial }) => String(serial), align: "right" },
      { heading: "answer", cell: ({ acknowledged, error }) => acknowledged ? "acknowledged" : error || "waiting" },
      { heading: "at", cell: ({ at }) => time(at) },
    ])
  }`);
}

export const zoneRefreshCommand = buildCommand({
  docs: {
    brief: "Ask a zone's primaries now, or notify its secondaries",
    customUsage: [{ input: "example.net", brief: "what they said" }],
  },
  parameters: { flags: serverFlags, positional: zoneArgument },
  async func(this: CliContext, flags: ServerFlags, zone: string) {
    show(this, flags, await withMcns(this, flags, ({ transfers }) => transfers.refreshZone({ zone })));
  },
});

export const zoneCatalogCommand = buildCommand({
  docs: {
    brief: "Put a zone into a catalog, or take it out",
    customUsage: [
      { input: "example.org catalog.example", brief: "secondaries of the catalog begin to serve the zone" },
      { input: "example.org --out", brief: "and stop" },
    ],
  },
  parameters: {
    flags: { ...serverFlags, out: switchFlag("Out of its catalog") },
    positional: {
      kind: "tuple",
      parameters: [
        ...zoneArgument.parameters,
        { brief: "The catalog zone", parse: String, placeholder: "catalog", optional: true },
      ],
    },
  },
  async func(this: CliContext, flags: ServerFlags & { readonly out: boolean }, zone: string, catalog?: string) {
    if (flags.out === (catalog !== undefined)) throw invalid("catalog", "name the catalog zone, or give --out");
    const answer = await withMcns(
      this,
      flags,
      ({ transfers }) => transfers.setCatalog({ zone, catalog: catalog ?? "" }),
    );
    if (flags.json) return printJson(this, jsonOf(SetCatalogResponseSchema, answer));
    this.print(
      catalog === undefined
        ? `${zone} is in no catalog any more\n`
        : `${zone} is member ${answer.memberId} of ${catalog}\n`,
    );
  },
});
