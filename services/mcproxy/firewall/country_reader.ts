/**
 * Countries of addresses, out of a MaxMind DB file (GeoLite2-Country and -City, DB-IP and others with their layout).
 * @module
 */
import { unknownCountry } from "../domain/country_code.ts";
import type { IpAddress } from "../domain/ip_address.ts";
import { type MmdbMetadata, MmdbReader } from "./mmdb_reader.ts";

/** Tells the country of an address. */
export interface CountryDatabase {
  /** False as long as there is nothing to look into: then no rule with countries matches anything. */
  readonly ready: boolean;
  /** ISO 3166-1 alpha-2, or "??". */
  country(address: IpAddress): string;
}

/** Records whose country is remembered. A country file has a few hundred; a city file may have a hundred thousand. */
const maxRemembered = 65_536;

/** See the module. */
export class CountryReader implements CountryDatabase {
  readonly ready = true;
  readonly #reader: MmdbReader;
  /** Codes by offset of data: neighbours share records, so hardly any look-up decodes. */
  readonly #codes = new Map<number, string>();

  private constructor(reader: MmdbReader) {
    this.#reader = reader;
  }

  /**
   * Reads every leaf of the file once, in slices of about a millisecond between which `pause` is awaited.
   * @throws Error saying what is wrong with the file
   */
  static async open(bytes: Uint8Array, pause: () => Promise<void>): Promise<CountryReader> {
    const made = new CountryReader(new MmdbReader(bytes));
    let sinceOffsets = 0;
    let countries = 0;
    for (const offset of made.#reader.check()) {
      if (offset !== undefined && made.#code(offset) !== unknownCountry) countries++;
      if (offset !== undefined && ++sinceOffsets < 1000) continue;
      sinceOffsets = 0;
      await pause();
    }
    if (countries === 0) throw new Error(`no country in it: it is a file of type "${made.metadata.databaseType}"`);
    return made;
  }

  get metadata(): MmdbMetadata {
    return this.#reader.metadata;
  }

  country(address: IpAddress): string {
    const offset = this.#reader.find(address);
    if (offset < 0) return unknownCountry;
    return this.#codes.get(offset) ?? this.#code(offset);
  }

  /** `country` is where the address is, `registered_country` where its holder is: for satellites and anycast it is alone. */
  #code(offset: number): string {
    const text = this.#reader.text(offset, "country", "iso_code") ??
      this.#reader.text(offset, "registered_country", "iso_code");
    const code = text === null || !/^[A-Z]{2}$/.test(text) ? unknownCountry : text;
    if (this.#codes.size < maxRemembered) this.#codes.set(offset, code);
    return code;
  }
}
