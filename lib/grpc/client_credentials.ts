/**
 * How a client's connections are secured: TLS 1.3, our own trust anchors, the name
 * checked is the configured one, whatever address is connected to.
 *
 * It also keeps the sockets: grpc-js gives no other way to know when a closed
 * client has let go of them.
 */
import { CallCredentials, ChannelCredentials, Metadata } from "@grpc/grpc-js";
import { isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect,
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
} from "node:tls";
import { messageOf } from "@lib/errors/mod.ts";
import { dialTls, parseAddress } from "@lib/tls/mod.ts";

/** Whom to trust, and as whom the server must prove itself. */
export interface ClientTls {
  /** Trust anchors, PEM, one or several. */
  ca: string;
  /** The name (or IP address) that the certificate must carry. */
  serverName: string;
}

type SecureConnector = ReturnType<ChannelCredentials["_createSecureConnector"]>;

/** Credentials of one client; not to be shared. */
export class ClientCredentials extends ChannelCredentials {
  /** Open sockets, encrypted or not. */
  readonly sockets = new Set<Socket>();
  readonly #address: string;
  readonly #tls: (ClientTls & { context: SecureContext }) | null;

  constructor(address: string, tls?: ClientTls) {
    super();
    this.#address = address;
    this.#tls = tls === undefined
      ? null
      : { ...tls, context: createSecureContext({ ca: tls.ca, minVersion: "TLSv1.3" }) };
  }

  override _isSecure(): boolean {
    return this.#tls !== null;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(_target: unknown, _options: unknown, perCall?: CallCredentials): SecureConnector {
    const callCredentials = perCall ?? CallCredentials.createEmpty();
    return {
      connect: async (socket) => {
        this.#keep(socket);
        if (this.#tls === null) return { socket, secure: false };
        try {
          const secured = await this.#secure(socket, this.#tls);
          this.#keep(secured);
          return { socket: secured, secure: true };
        } catch (error) {
          socket.destroy();
          throw new Error(await this.#explain(this.#tls, error));
        }
      },
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => {},
    };
  }

  #keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
  }

  #secure(socket: Socket, { context, serverName }: ClientTls & { context: SecureContext }): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const options: ConnectionOptions = {
        socket,
        secureContext: context,
        ALPNProtocols: ["h2"],
        // SNI carries names only (RFC 6066 §3); node checks an IP address by `host`.
        ...(isIP(serverName) === 0 ? { servername: serverName } : { host: serverName }),
        checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
      };
      const secured = connect(options, () => {
        secured.removeListener("close", closed);
        resolve(secured);
      });
      const closed = () => reject(new Error("the server closed the connection during the handshake"));
      secured.once("close", closed);
      // Stays on: an error before HTTP/2 has taken the socket over must not end the process.
      secured.on("error", reject);
    });
  }

  /**
   * node's reasons are poor ("unable to verify the first certificate"). lib/tls says which names the certificate has,
   * when it expired, who issued it: on failure only, its client tries the same once more for the message.
   */
  async #explain(tls: ClientTls, error: unknown): Promise<string> {
    const address = parseAddress(this.#address);
    if (address.kind === "unix") return messageOf(error);
    try {
      const { hostname, port } = address;
      const connection = await dialTls({ hostname, port, ...tls, alpn: ["h2"], timeoutMs: 3000 });
      connection.destroy();
      return messageOf(error);
    } catch (better) {
      return messageOf(better);
    }
  }
}

/** Metadata of one call. */
export function callMetadata(token: string | undefined, requestId: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined && token !== "") metadata.set("authorization", `Bearer ${token}`);
  if (requestId !== undefined) metadata.set("x-request-id", requestId);
  return metadata;
}
