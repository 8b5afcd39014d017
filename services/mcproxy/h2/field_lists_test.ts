import assert from "node:assert/strict";
import { requestHead } from "../h1/forwarding.ts";
import { noBody, noNames, type RequestHead } from "../relay/message.ts";
import { requestList } from "./field_lists.ts";

const request: RequestHead = {
  method: "GET",
  target: "/x",
  host: "a.test",
  version: "2.0",
  length: noBody,
  expectsContinue: false,
  takesTrailers: false,
  webSocket: false,
  connectionNames: noNames,
  fields: {
    names: ["accept", "client-cert", "client_cert", "client-cert-chain"],
    shown: ["Accept", "Client-Cert", "Client_Cert", "Client-Cert-Chain"],
    values: ["*/*", ":Zm9yZ2Vk:", ":Zm9yZ2Vk:", ":Zm9yZ2Vk:"],
  },
  neverIndexed: null,
  visitor: null,
};

Deno.test("requestList and requestHead say the same of who the client is, and nothing of what it says itself", () => {
  for (const clientCert of ["", ":AAEC:"]) {
    const forwarded = { remote: "192.0.2.7", clientCert, prefix: "/p" };
    const list = requestList(request, forwarded);
    const pairs = list.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${list[at + 1]}`] : []);
    const [, host, ...lines] = requestHead(request, forwarded, "").trimEnd().split("\r\n");
    assert.equal(host, "Host: a.test");
    assert.deepEqual(lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())), pairs);
    assert.deepEqual(pairs.filter((pair) => pair.includes("cert")), clientCert === "" ? [] : ["client-cert: :AAEC:"]);
  }
});
