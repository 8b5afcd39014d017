/**
 * MCNS with everything configured, and whom it deals with: MCIAS, an upstream resolver and another server of its zones,
 * all of them real processes.
 *
 * Everybody has an address of their own. The runtime's grant to send datagrams to a client is one to connect to all of its
 * ports, so clients at 127.0.0.0/8 would make every other grant for this machine superfluous, and nothing could be shown.
 *
 * | address    | who                                                                             |
 * | ---------- | ------------------------------------------------------------------------------- |
 * | 127.0.0.1  | MCNS itself, and MCIAS                                                           |
 * | 127.0.0.2  | the upstream: over TLS it answers secure.test, else plain.test (by view)        |
 * | 127.0.0.3  | the peer: a secondary of our zones, the primary of tcp.test and tls.test        |
 * | 127.0.0.9  | the only client over UDP                                                        |
 * | 127.0.0.10 | whence MCNS asks the upstream                                                   |
 * @module
 */
import { loopback } from "../../deploy/local/layout.ts";
import { DomainName } from "../../services/mcns/domain/name.ts";
import { by, settings, zoneName } from "../../services/mcns/testing/temp_store.ts";
import { parseSeedRecord } from "../../services/mcns/domain/seed.ts";
import { McnsProcess, type McnsStores } from "../peers/mcns_process.ts";
import type { SandboxBench } from "./bench.ts";
import { type FullConfig, fullConfig } from "./mcns_full_config.ts";

export const client = "127.0.0.9";

/** Shared with the peer. */
export const tsig = { name: "transfer.test", secret: crypto.getRandomValues(new Uint8Array(32)).toBase64() };

export const cookieSecret = "0123456789abcdeffedcba9876543210";

export class McnsParty implements AsyncDisposable {
  readonly #others: AsyncDisposableStack;

  private constructor(readonly peer: McnsProcess, readonly config: FullConfig, others: AsyncDisposableStack) {
    this.#others = others;
  }

  /** The others started, the bench with the administrator's token, and MCNS's config where the bench has it. */
  static async gather(bench: SandboxBench): Promise<McnsParty> {
    await using stack = new AsyncDisposableStack();
    const { ports, srv } = bench.layout;
    const dns = `${loopback}:${ports.dns}`;
    stack.use(await bench.serving("mcias"));
    await bench.logIn();
    const upstream = stack.use(await startUpstream());
    const peer = stack.use(await startPeer(dns));
    const file = (name: string) => srv("mcns", name);
    const config: FullConfig = {
      rest: `${loopback}:${ports.mcns.rest}`,
      grpc: `${loopback}:${ports.mcns.grpc}`,
      dns,
      dot: `${loopback}:${ports.dot}`,
      mcias: `${loopback}:${ports.mcias.grpc}`,
      client,
      upstream: { plain: upstream.dns, tls: upstream.dot, from: "127.0.0.10:0" },
      peer: { tcp: peer.dns, tls: peer.dot, from: `${loopback}:0` },
      root: bench.layout.pki.root,
      file,
    };
    Deno.writeTextFileSync(file("mcns.toml"), fullConfig(config));
    Deno.writeTextFileSync(file("cookie-secret"), `${cookieSecret}\n`, { mode: 0o600 });
    Deno.writeTextFileSync(file("blocked"), "0.0.0.0 blocked.plain.test\n");
    Deno.copyFileSync(upstream.ca, file("upstream-ca.pem"));
    Deno.copyFileSync(peer.ca, file("peer-ca.pem"));
    Deno.copyFileSync(bench.layout.pki.root, file("own-ca.pem"));
    Deno.mkdirSync(file("keys"), { recursive: true, mode: 0o700 });
    return new McnsParty(peer, config, stack.move());
  }

  /** The peer has, from now on, a zone of ours as a secondary. */
  follow(zone: string): void {
    using stores = this.peer.openStores();
    const name = zoneName(zone);
    stores.editor.together(() => {
      stores.editor.create(name, { settings, kind: "secondary" }, by);
      const primary = { address: this.config.dns, tsigKey: tsig.name, tlsName: "" };
      stores.peers.set(stores.zones.get(name), { primaries: [primary], secondaries: [] }, by, Date.now());
    });
  }

  /** Nothing of earlier runs: MCNS makes its database and its keys anew. */
  forget(): void {
    for (const name of ["data", "keys"]) {
      const folder = this.config.file(name);
      Deno.removeSync(folder, { recursive: true });
      Deno.mkdirSync(folder, { mode: 0o700 });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#others.disposeAsync();
  }
}

function startUpstream(): Promise<McnsProcess> {
  return McnsProcess.start({
    address: "127.0.0.2",
    tables:
      '[[views]]\nname = "plain"\nnetworks = ["127.0.0.10"]\n[[views]]\nname = "secure"\nnetworks = ["127.0.0.1"]\n',
    fill: (stores) => {
      addZone(stores, "plain.test", ["www 300 A 192.0.2.1", "blocked 300 A 192.0.2.1"], ["plain"]);
      addZone(stores, "secure.test", ["www 300 A 192.0.2.2"], ["secure"]);
    },
  });
}

/** @param subject whom its secondary zones come from */
function startPeer(subject: string): Promise<McnsProcess> {
  return McnsProcess.start({
    address: "127.0.0.3",
    config: { transfer: ['source_addrs = ["127.0.0.3:0"]', `peers = ["${subject}"]`] },
    fill: (stores) => {
      const { keys, peers, zones } = stores;
      const secret = Uint8Array.fromBase64(tsig.secret);
      const name = DomainName.parse(tsig.name, "name");
      keys.create({ name, algorithm: "hmac-sha256", scopes: [], secret }, by);
      for (const zone of ["tcp.test", "tls.test"]) {
        addZone(stores, zone, ["www 300 A 192.0.2.3"]);
        const secondary = { address: "127.0.0.1/32", tsigKey: tsig.name, tlsName: "" };
        stores.editor.together(() => {
          peers.set(zones.get(zoneName(zone)), { primaries: [], secondaries: [secondary] }, by, Date.now());
        });
      }
    },
  });
}

function addZone({ editor }: McnsStores, zone: string, lines: readonly string[], views: readonly string[] = []): void {
  const name = zoneName(zone);
  editor.create(name, { settings, views }, by, (edit) => {
    for (const line of lines) edit.add(parseSeedRecord(line, name, "record"));
  });
}
