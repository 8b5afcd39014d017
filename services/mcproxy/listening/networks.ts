/**
 * A set of networks, as configurations and listeners write them.
 * @module
 */
import { parseCidr } from "../domain/cidr.ts";
import { parseIp } from "../domain/ip_address.ts";
import { CidrTable, hasOwner } from "../firewall/cidr_table.ts";

/** Networks that are asked for one address at a time. */
export class Networks {
  readonly #table: CidrTable;

  /**
   * @param field what an error names
   * @throws PlatformError `invalid` for one that is no address or network
   */
  constructor(texts: readonly string[], field = "proxy_protocol_from") {
    this.#table = new CidrTable([texts.map((text) => parseCidr(text, field))]);
  }

  /** False for what is no address. */
  has(address: string): boolean {
    const parsed = parseIp(address);
    return parsed !== null && hasOwner(this.#table.find(parsed), 0);
  }
}
