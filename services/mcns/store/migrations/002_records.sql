-- Records of every type, limited to views where asked, with an end and an owner; history, journal, and what signing made.

CREATE TABLE all_records (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  zone_id INTEGER NOT NULL REFERENCES zones (id) ON DELETE CASCADE,
  name TEXT NOT NULL, -- relative to the zone, '@' for the apex
  type TEXT NOT NULL, -- 'A', 'TYPE65280'
  value TEXT NOT NULL, -- presentation form, canonical spelling
  ttl INTEGER NOT NULL, -- seconds; the same for all of a zone, name, type and view
  view TEXT NOT NULL DEFAULT '', -- '' for all clients
  expires_at INTEGER, -- when it goes by itself
  service TEXT NOT NULL DEFAULT '', -- what it stands for
  lease TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (zone_id, name, type, value, view)
) STRICT;
INSERT INTO all_records (id, zone_id, name, type, value, ttl, created_at, updated_at)
  SELECT id, zone_id, name, type, value, ttl, created_at, updated_at FROM records;
DROP TABLE records;
ALTER TABLE all_records RENAME TO records;

CREATE INDEX records_by_zone ON records (zone_id);
CREATE INDEX records_by_expiry ON records (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX records_by_view ON records (view) WHERE view <> '';
CREATE INDEX records_by_service ON records (service, lease) WHERE service <> '';

ALTER TABLE zones ADD COLUMN kind TEXT NOT NULL DEFAULT 'primary' CHECK (kind IN ('primary', 'secondary'));
ALTER TABLE zones ADD COLUMN soa_ttl INTEGER NOT NULL DEFAULT 3600; -- seconds, of SOA and of NS made from primary_ns
ALTER TABLE zones ADD COLUMN views TEXT NOT NULL DEFAULT ''; -- names of views, separated by spaces; '' for all clients
ALTER TABLE zones ADD COLUMN is_catalog INTEGER NOT NULL DEFAULT 0;
ALTER TABLE zones ADD COLUMN catalog TEXT NOT NULL DEFAULT ''; -- the catalog zone that it is a member of

-- What a secondary's primary or our own signing added: RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS, CDNSKEY.
CREATE TABLE dnssec_records (
  zone_id INTEGER NOT NULL REFERENCES zones (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  type INTEGER NOT NULL,
  ttl INTEGER NOT NULL,
  data BLOB NOT NULL, -- as on the wire
  PRIMARY KEY (zone_id, name, type, data)
) STRICT, WITHOUT ROWID;

-- Who changed what. By the zone's name, so that a deleted zone's history stays.
CREATE TABLE zone_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  zone TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  remote TEXT NOT NULL,
  action TEXT NOT NULL,
  serial_before INTEGER NOT NULL,
  serial INTEGER NOT NULL,
  removed TEXT NOT NULL, -- JSON: array of records
  added TEXT NOT NULL,
  undoes INTEGER
) STRICT;
CREATE INDEX zone_changes_by_zone ON zone_changes (zone, id);
CREATE INDEX zone_changes_undoes ON zone_changes (undoes) WHERE undoes IS NOT NULL;

-- What each serial changed of the published zone: for IXFR (RFC 1995).
CREATE TABLE zone_journal (
  zone_id INTEGER NOT NULL REFERENCES zones (id) ON DELETE CASCADE,
  id INTEGER NOT NULL, -- counts up
  serial_from INTEGER NOT NULL,
  serial_to INTEGER NOT NULL,
  delta BLOB NOT NULL,
  PRIMARY KEY (zone_id, id)
) STRICT, WITHOUT ROWID;
