/**
 * TLS for servers and clients of the platform: TLS 1.3 only, certificates from
 * files with hot reload, back-pressure in both directions, errors that name names.
 * @module
 */
export { acceptLoop } from "./accept_loop.ts";
export { acceptTls, type AcceptTlsOptions } from "./accept_tls.ts";
export { type Address, formatAddress, parseAddress } from "./address.ts";
export { listenTcp, listenUnix, type UnixListener } from "./bind.ts";
export { CertificateFiles, type CertificateFilesOptions } from "./certificate_files.ts";
export { certificateNames, dateText, listNames } from "./certificate_text.ts";
export {
  alertRecord,
  alerts,
  type ClientHello,
  type HelloResult,
  maxHelloBytes,
  parseClientHello,
} from "./client_hello.ts";
export { dialTls, type DialTlsOptions } from "./dial.ts";
export { DuplexStream } from "./duplex_stream.ts";
export { listenTls, type ListenTlsOptions, type TlsListener } from "./listen.ts";
export { type ClientAsk, type ClientChain, requireEngine, ServerEngine } from "./server_engine.ts";
export { SecureConnection } from "./secure_connection.ts";
export { StreamSocket } from "./stream_socket.ts";
export { type ByteConnection, ConnTransport } from "./transport.ts";
