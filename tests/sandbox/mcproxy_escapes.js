// What an MC-Proxy tries that has been taken over while it has everything configured. Argument and result as in escapes.js.
import { connect } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { connect as connectTls } from "node:tls";

const { srv, rootKey, mciasRest, tls } = JSON.parse(Deno.args[0]);
const own = `${srv}/mcproxy`;

const tcp = (address) => {
  const [hostname, port] = address.split(":");
  return Deno.connect({ hostname, port: Number(port) });
};
const once = (socket) => new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));

const attempts = {
  "read another's certificate key": () => Deno.readTextFileSync(`${srv}/other/tls/key.pem`),
  "read another's database": () => new DatabaseSync(`${srv}/other/data/other.db`).exec("SELECT 1"),
  "read another's log": () => Deno.readTextFileSync(`${srv}/other/log/access.log`),
  "read the root's key": () => Deno.readTextFileSync(rootKey),
  "read the agent's token": () => Deno.readTextFileSync(`${srv}/mcpagent/token`),
  "read the certificate folder's neighbour": () => Deno.readTextFileSync(`${own}/certs-of-others/x.key`),
  "read a neighbour out of the certificate folder": () =>
    Deno.readTextFileSync(`${own}/certs/../certs-of-others/x.key`),
  "list its own folder": () => [...Deno.readDirSync(own)],
  "list the services": () => [...Deno.readDirSync(srv)],
  "read a file beside its admin key": () => Deno.readTextFileSync(`${own}/other-key.pem`),
  "write a certificate": () => Deno.writeTextFileSync(`${own}/certs/web.pem`, ""),
  "write a certificate's key": () => Deno.writeTextFileSync(`${own}/certs/web.key`, ""),
  "add a certificate": () => Deno.writeTextFileSync(`${own}/certs/new.pem`, ""),
  "remove a certificate": () => Deno.removeSync(`${own}/certs/web.pem`),
  "move a certificate": () => Deno.renameSync(`${own}/certs/web.pem`, `${own}/data/web.pem`),
  "put a file in a certificate's place": () => {
    Deno.writeTextFileSync(`${own}/data/forged.pem`, "");
    Deno.renameSync(`${own}/data/forged.pem`, `${own}/certs/web.pem`);
  },
  "open a certificate's key to all": () => Deno.chmodSync(`${own}/certs/web.key`, 0o644),
  "make a folder of certificates": () => Deno.mkdirSync(`${own}/certs/new`),
  "link a certificate's key into its data": () => Deno.linkSync(`${own}/certs/web.key`, `${own}/data/web.key`),
  "link out of its certificate folder": () => Deno.symlinkSync(`${srv}/other/tls/key.pem`, `${own}/certs/way-out.key`),
  "link out of its log folder": () => Deno.symlinkSync(`${srv}/other/log/access.log`, `${own}/log/access.log.1`),
  "change its config": () => Deno.writeTextFileSync(`${own}/mcproxy.toml`, ""),
  "change its admin certificate": () => Deno.writeTextFileSync(`${own}/admin-cert.pem`, ""),
  "change its admin key": () => Deno.writeTextFileSync(`${own}/admin-key.pem`, ""),
  "change whom backends are verified by": () => Deno.writeTextFileSync(`${own}/backends-ca.pem`, ""),
  "change whom MCIAS is verified by": () => Deno.writeTextFileSync(`${own}/mcias-ca.pem`, ""),
  "change whom the ACME server is verified by": () => Deno.writeTextFileSync(`${own}/acme-ca.pem`, ""),
  "change its key at the ACME server": () => Deno.writeTextFileSync(`${own}/eab-key`, ""),
  "change where addresses are": () => Deno.writeTextFileSync(`${own}/countries.mmdb`, ""),
  "write a file in its folder": () => Deno.writeTextFileSync(`${own}/new`, ""),
  "write a file beside its sockets": () => Deno.writeTextFileSync(`${own}/run/new`, ""),
  "list the folder of its sockets": () => [...Deno.readDirSync(`${own}/run`)],
  "listen on another socket": () => Deno.listen({ transport: "unix", path: `${own}/run/other.sock` }),
  "connect to another's socket": () => Deno.connect({ transport: "unix", path: `${srv}/other/run/other.sock` }),
  "connect to another port of this machine": () => tcp("127.0.0.1:1"),
  "connect to another port of this machine by its name": () => tcp("localhost:1"),
  "connect to another port of this machine by IPv6": () => Deno.connect({ hostname: "::1", port: 1 }),
  "connect to another port of this machine by IPv4 within IPv6": () =>
    Deno.connect({ hostname: "::ffff:127.0.0.1", port: 1 }),
  "connect to a backend's address as one number": () => tcp("2130706434:1"),
  "connect to another port of this machine by node:net": () => once(connect(1, "127.0.0.1")),
  "connect to another port of this machine by node:tls": () => once(connectTls(1, "127.0.0.1")),
  "fetch from another port of this machine": () => fetch(`http://${mciasRest}/`),
  "connect to no address": () => tcp("0.0.0.0:1"),
  "connect to MCIAS's other port": () => tcp(mciasRest),
  "connect to another port of the backend with one": () => tcp("127.0.0.3:1"),
  "connect to one who is nobody's": () => tcp("127.0.0.8:443"),
  "connect to the machine that hands out credentials in clouds": () => tcp("169.254.169.254:80"),
  "send a datagram to MCIAS's other port": () => {
    const [hostname, port] = mciasRest.split(":");
    const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.2", port: 0 });
    return udp.send(new Uint8Array(1), { transport: "udp", hostname, port: Number(port) }).finally(() => udp.close());
  },
  "listen on another port": () => Deno.listen({ hostname: "127.0.0.1", port: 1 }),
  "listen on its port at all addresses": () => Deno.listen({ hostname: "0.0.0.0", port: Number(tls.split(":")[1]) }),
  "be debugged": async () => (await import("node:inspector")).open(0, "127.0.0.1"),
  // What the runtime has no narrower grant for: backends get their ports from the agent while the proxy runs.
  "connect to any port of a backend's host": () => tcp("127.0.0.2:1"),
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
