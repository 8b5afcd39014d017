-- Keys that sign messages between servers; whom zones are transferred from and to; how secondaries fare.

CREATE TABLE tsig_keys (
  name TEXT PRIMARY KEY, -- lower case without the final dot, as in zones
  algorithm TEXT NOT NULL,
  secret BLOB NOT NULL, -- sealed, see key_vault.ts
  scopes TEXT NOT NULL, -- JSON: array of {zone, names, types}; [] for a key that is good for transfers only
  created_at INTEGER NOT NULL,
  used_at INTEGER -- of the last request that it signed, some minutes late
) STRICT, WITHOUT ROWID;

CREATE TABLE zone_peers (
  zone_id INTEGER NOT NULL REFERENCES zones (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('primary', 'secondary')),
  position INTEGER NOT NULL, -- in the order that primaries are asked
  address TEXT NOT NULL, -- "ip:port"; of a secondary also "network/bits"
  tsig_key TEXT NOT NULL, -- '' for none
  tls_name TEXT NOT NULL, -- '' for no TLS
  PRIMARY KEY (zone_id, role, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX zone_peers_by_key ON zone_peers (tsig_key) WHERE tsig_key <> '';

-- One row per secondary that has been asked for. Times are ms since the epoch.
CREATE TABLE secondary_states (
  zone_id INTEGER PRIMARY KEY REFERENCES zones (id) ON DELETE CASCADE,
  checked_at INTEGER, -- a primary told its serial
  transferred_at INTEGER, -- content was taken over
  expires_at INTEGER, -- not answered from then on
  error TEXT NOT NULL -- of the last try; '' for none
) STRICT;

-- Zones that a catalog of ours, or one that we follow, lists (RFC 9432); which catalog is in zones.catalog.
CREATE TABLE catalog_members (
  zone_id INTEGER PRIMARY KEY REFERENCES zones (id) ON DELETE CASCADE,
  member_id TEXT NOT NULL, -- its label in the catalog
  new_owner TEXT NOT NULL -- the catalog that it may go over to, '' for none
) STRICT;
