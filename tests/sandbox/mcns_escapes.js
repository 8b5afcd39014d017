// What an MCNS tries that has been taken over while it has everything configured. Argument and result as in escapes.js.
import { connect } from "node:net";
import { DatabaseSync } from "node:sqlite";

const { srv, rootKey, mciasRest } = JSON.parse(Deno.args[0]);
const own = `${srv}/mcns`;

const send = async (hostname, port, from = "127.0.0.10") => {
  const udp = Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
  try {
    return await udp.send(new Uint8Array(1), { transport: "udp", hostname, port });
  } finally {
    udp.close();
  }
};
const tcp = (address) => {
  const [hostname, port] = address.split(":");
  return Deno.connect({ hostname, port: Number(port) });
};

const attempts = {
  "read another's key of keys": () => Deno.readFileSync(`${srv}/other/keys/other.key`),
  "write another's key of keys": () => Deno.writeFileSync(`${srv}/other/keys/other.key`, new Uint8Array(32)),
  "read another's database of keys": () => new DatabaseSync(`${srv}/other/data/other.db`).exec("SELECT 1"),
  "read another's certificate key": () => Deno.readTextFileSync(`${srv}/other/tls/key.pem`),
  "read the root's key": () => Deno.readTextFileSync(rootKey),
  "read a file beside its key of keys": () => Deno.readFileSync(`${own}/keys/old.key`),
  "list the folder of its key of keys": () => [...Deno.readDirSync(`${own}/keys`)],
  "write a file beside its key of keys": () => Deno.writeFileSync(`${own}/keys/new.key`, new Uint8Array(1)),
  "move its key of keys": () => Deno.renameSync(`${own}/keys/mcns.key`, `${own}/keys/gone.key`),
  "write a file in its folder": () => Deno.writeTextFileSync(`${own}/new`, ""),
  "change its config": () => Deno.writeTextFileSync(`${own}/mcns.toml`, ""),
  "change its certificate": () => Deno.writeTextFileSync(`${own}/tls/cert.pem`, ""),
  "change its cookies' secret": () => Deno.writeTextFileSync(`${own}/cookie-secret`, ""),
  "change its block list": () => Deno.writeTextFileSync(`${own}/blocked`, ""),
  "change whom its upstream is verified by": () => Deno.writeTextFileSync(`${own}/upstream-ca.pem`, ""),
  "change whom its peer is verified by": () => Deno.writeTextFileSync(`${own}/peer-ca.pem`, ""),
  "read what only status reads": () => Deno.readTextFileSync(`${own}/own-ca.pem`),
  "connect to another port of this machine": () => tcp("127.0.0.1:1"),
  "connect to MCIAS's other port": () => tcp(mciasRest),
  "connect to another port of its upstream": () => tcp("127.0.0.2:1"),
  "connect to another port of its peer": () => tcp("127.0.0.3:1"),
  "connect to another port of its peer by node:net": () =>
    new Promise((resolve, reject) => connect(1, "127.0.0.3").once("connect", resolve).once("error", reject)),
  "connect to one who is nobody's": () => tcp("127.0.0.8:53"),
  "send a datagram to another port of its upstream": () => send("127.0.0.2", 1),
  "send a datagram to another port of its peer": () => send("127.0.0.3", 1),
  "send a datagram to one who is no client": () => send("127.0.0.8", 53),
  "send a datagram to all": () => send("255.255.255.255", 53),
  "send a datagram from an address that isn't its own": () => send("127.0.0.9", 53, "127.0.0.11"),
  "listen on another port": () => Deno.listen({ hostname: "127.0.0.1", port: 1053 }),
  "listen on all addresses": () => Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 1053 }),
  // What the runtime has no narrower grant for: answering a client's datagrams is a grant for all of its ports.
  "connect to a client": () => tcp("127.0.0.9:1"),
};

const results = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    results[name] = { done: String(await attempt()) };
  } catch (error) {
    results[name] = { refused: String(error?.message ?? error) };
  }
}
console.log(JSON.stringify(results));
Deno.exit(0);
