import { PlatformError } from "@lib/errors/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { CaService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import type { Issuer } from "../deploy/neighbours.ts";
import { reach, type Whom } from "./reach.ts";

export interface IssuerOptions {
  readonly address: string;
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  readonly token: () => string;
  readonly mount: string;
  /** 0: the issuer's own default. */
  readonly ttlSeconds: number;
}

/** The issuer of the services' certificates. */
export function issuerClient(options: IssuerOptions): Issuer & AsyncDisposable {
  const { address, serverName, ca, token, mount, ttlSeconds } = options;
  const whom: Whom = { part: "Metacrypt", address, service: "metacrypt" };
  const issuer = grpcClient(CaService, { address, tls: { ca, serverName }, token });
  return {
    async sign(csrPem) {
      const { chainPem } = await reach(
        whom,
        "get a certificate",
        () => issuer.signCertificate({ mount, csrPem, ttlSeconds: BigInt(ttlSeconds) }),
      );
      return chainPem;
    },
    async revoke(serial) {
      try {
        // RFC 5280 §5.3.1.
        await reach(
          whom,
          `revoke the certificate ${serial}`,
          () => issuer.revokeCertificate({ mount, serial, reason: "cessationOfOperation" }),
        );
      } catch (error) {
        // Issued elsewhere, e.g. by the bootstrap.
        if (!(error instanceof PlatformError && error.code === "not_found")) throw error;
      }
    },
    [Symbol.asyncDispose]: () => issuer.close(),
  };
}
