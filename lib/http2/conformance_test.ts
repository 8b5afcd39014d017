/**
 * The table of what peers may do wrong: a row for each rule of RFC 9113 that an endpoint can break, in raw frames.
 * @module
 */
import { compression } from "./testing/conformance/compression.ts";
import { flowControl } from "./testing/conformance/flow_control.ts";
import { frameDefinitions } from "./testing/conformance/frame_definitions.ts";
import { messages } from "./testing/conformance/messages.ts";
import { prefaceAndFrames } from "./testing/conformance/preface_and_frames.ts";
import { serverFaults } from "./testing/conformance/server_faults.ts";
import { streamStates } from "./testing/conformance/stream_states.ts";
import { tryClient } from "./testing/conformance/client_case.ts";
import { tryServer } from "./testing/conformance/server_case.ts";

const rows = [...prefaceAndFrames, ...streamStates, ...frameDefinitions, ...flowControl, ...messages, ...compression];

for (const row of rows) {
  const section = row.section.startsWith("RFC") ? row.section : `RFC 9113 §${row.section}`;
  const outcome = "goAway" in row.expect
    ? `GOAWAY ${row.expect.goAway}`
    : "reset" in row.expect
    ? `RST_STREAM ${row.expect.reset[1]}`
    : "allowed";
  Deno.test(`Http2ServerConnection, ${section}: ${row.title}: ${outcome}`, () => tryServer(row));
}

for (const row of serverFaults) {
  Deno.test(`Http2ClientConnection, RFC 9113 §${row.section}: ${row.title}: ${row.sees}`, () => tryClient(row));
}
