import type { Config } from "./config.ts";
import { parseSeedRecord } from "./domain/seed.ts";
import { parseZoneName, parseZoneSettings } from "./domain/zone_settings.ts";
import type { ZoneSeed } from "./store/seed_zones.ts";

const defaultTimes = { refresh: 0, retry: 0, expire: 0, minimum: 0 };

/** The config's `[[zones]]`, checked whether or not they will be inserted. Throws Invalid naming the key: `zones[0].records[2]`. */
export function parseSeeds(zones: Config["zones"]): ZoneSeed[] {
  return zones.map(({ name: text, primary_ns, admin_email, records }, i) => {
    const name = parseZoneName(text, `zones[${i}].name`);
    return {
      name,
      settings: parseZoneSettings(name, { primaryNs: primary_ns, adminEmail: admin_email, ...defaultTimes }),
      records: records.map((line, j) => parseSeedRecord(line, name, `zones[${i}].records[${j}]`)),
    };
  });
}
