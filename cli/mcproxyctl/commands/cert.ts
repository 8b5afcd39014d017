/** cert list, reload. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { type CliContext, jsonOf, printJson } from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import { type Certificate, ListCertificatesResponseSchema } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { certificateState, daysLeft, worstFirst } from "../certificate_state.ts";
import { type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";

function show(context: CliContext, flags: ServerFlags, certificates: readonly Certificate[]): void {
  const now = Date.now();
  const sorted = worstFirst(certificates, now);
  if (flags.json) {
    const message = create(ListCertificatesResponseSchema, { certificates: sorted });
    return printJson(context, jsonOf(ListCertificatesResponseSchema, message));
  }
  context.print(table(sorted, [
    { heading: "listener", cell: ({ listener }) => listener },
    { heading: "host", cell: ({ hostname }) => hostname },
    { heading: "days left", cell: (one) => daysLeft(one, now)?.toString() ?? "", align: "right" },
    { heading: "state", cell: (one) => certificateState(one, now).text },
    { heading: "names", cell: ({ names }) => names.join(" ") },
  ]));
}

export const certListCommand = buildCommand({
  docs: {
    brief: "List the certificates, what is wrong first",
    customUsage: [{ input: "", brief: "with the days that are left, and when ACME renews" }],
  },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    const answer = await withMcproxy(this, flags, ({ certificates }) => certificates.listCertificates({}));
    show(this, flags, answer.certificates);
  },
});

export const certReloadCommand = buildCommand({
  docs: {
    brief: "Read the certificate files again",
    fullDescription:
      "Reads all certificate files again, as MC-Proxy does by itself when they change. One that can't be read keeps the one that is served. Exit code 1 when there is such a one.",
    customUsage: [{ input: "", brief: "as after copying new ones there" }],
  },
  parameters: { flags: serverFlags },
  async func(this: CliContext, flags: ServerFlags) {
    const answer = await withMcproxy(this, flags, ({ certificates }) => certificates.reloadCertificates({}));
    if (answer.certificates.some(({ error }) => error !== "")) this.process.exitCode = 1;
    show(this, flags, answer.certificates);
  },
});
