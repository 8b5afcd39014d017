import { invalid, quote } from "@lib/errors/mod.ts";
import { DomainName, rootKey, textOfKey } from "./name.ts";

/** The name of a record in its zone. */
export class RecordName {
  /** `@` for the apex, else the labels before the zone's name. As the store keeps it. */
  readonly relative: string;
  readonly absolute: DomainName;

  private constructor(relative: string, absolute: DomainName) {
    this.relative = relative;
    this.absolute = absolute;
  }

  /**
   * Reads `@`, `www`, `www.example.org` or `www.example.org.` in zone example.org.
   * A name that ends with the zone's is taken as absolute even without the final dot: nobody means
   * `www.example.org.example.org`. Throws Invalid on `field`, also for an absolute name of another zone.
   */
  static parse(text: string, zone: DomainName, field = "name"): RecordName {
    if (text === "@") return new RecordName("@", zone);
    const name = DomainName.parse(text, field);
    if (name.isAtOrBelow(zone)) return RecordName.#of(name, zone);
    if (text.endsWith(".")) {
      throw invalid(
        field,
        `must be in zone ${zone}, got ${quote(text)}; leave out the final dot for a name relative to it`,
      );
    }
    return RecordName.#of(DomainName.fromLabels(name.labels, field, zone), zone);
  }

  /** The name that the store keeps as `relative`. */
  static stored(relative: string, zone: DomainName): RecordName {
    if (relative === "@") return new RecordName("@", zone);
    return new RecordName(relative, DomainName.parse(`${relative}.${zone}.`, "records.name"));
  }

  /** The name of that key, which is the zone's or below it. */
  static ofKey(key: string, zone: DomainName): RecordName {
    return RecordName.#of(DomainName.fromKey(key), zone);
  }

  static #of(absolute: DomainName, zone: DomainName): RecordName {
    const own = absolute.key.slice(0, absolute.key.length - zone.key.length);
    return new RecordName(own === "" ? "@" : textOfKey(own + rootKey), absolute);
  }

  toString(): string {
    return this.relative;
  }
}
