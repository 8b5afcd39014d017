/**
 * What rules are compared with. Each fact is worked out when the first rule asks for it, and once.
 * @module
 */
import { type IpAddress, parseIp } from "../domain/ip_address.ts";
import { maxComparedLength, pathReadings } from "../domain/request_path.ts";
import type { CidrTable } from "./cidr_table.ts";
import { type ClientKey, clientKey } from "./client_key.ts";
import type { CountryDatabase } from "./country_reader.ts";

const noOwners: Uint32Array = new Uint32Array(32);

/** See the module. */
export class Subject {
  readonly #networks: CidrTable;
  readonly #countries: CountryDatabase | null;
  #address: IpAddress | null | undefined;
  #owners: Uint32Array | undefined;
  #country: string | null | undefined;
  #readings: readonly string[] | null | undefined;
  #userAgent: string | undefined;

  /**
   * What isn't known at a gate is "".
   * @param addressText as the socket or the PROXY header says it, without port
   * @param path the request's target
   */
  constructor(
    readonly listener: string,
    readonly addressText: string,
    readonly hostname: string,
    readonly path: string,
    readonly userAgentText: string,
    networks: CidrTable,
    countries: CountryDatabase | null,
  ) {
    this.#networks = networks;
    this.#countries = countries;
  }

  /** Null for what is no IP address: then no network matches. */
  get address(): IpAddress | null {
    return this.#address === undefined ? this.#address = addressOf(this.addressText) : this.#address;
  }

  /** For buckets and counts. */
  get client(): ClientKey {
    return clientKey(this.address);
  }

  /** The rules whose networks have the address. */
  get owners(): Uint32Array {
    return this.#owners ??= this.address === null ? noOwners : this.#networks.find(this.address);
  }

  /** Null while there is no database, or no address: then no rule with countries matches. */
  get country(): string | null {
    if (this.#country === undefined) {
      const isKnown = this.#countries?.ready === true && this.address !== null;
      this.#country = isKnown ? this.#countries!.country(this.address!) : null;
    }
    return this.#country;
  }

  isCountryIn(codes: ReadonlySet<string>): boolean {
    const { country } = this;
    return country !== null && codes.has(country);
  }

  /** The path's readings; null when it is too long to be compared. */
  get readings(): readonly string[] | null {
    if (this.#readings === undefined) {
      const { path } = this;
      // A query may be as long as it likes: it isn't compared.
      const isLong = path.length > maxComparedLength && pathLength(path) > maxComparedLength;
      this.#readings = isLong ? null : pathReadings(path);
    }
    return this.#readings;
  }

  /** In lower case. */
  get userAgent(): string {
    return this.#userAgent ??= this.userAgentText.toLowerCase();
  }
}

function pathLength(target: string): number {
  const query = target.indexOf("?");
  return query < 0 ? target.length : query;
}

/** A zone ("fe80::1%eth0") says where the client is, and no rule is about it. */
export function addressOf(text: string): IpAddress | null {
  const zone = text.indexOf("%");
  return parseIp(zone < 0 ? text : text.slice(0, zone));
}
