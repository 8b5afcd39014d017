-- Names are lower case without the final dot; times are ms since the epoch.

CREATE TABLE zones (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  primary_ns TEXT NOT NULL,
  admin_email TEXT NOT NULL,
  refresh INTEGER NOT NULL, -- these four: seconds
  retry INTEGER NOT NULL,
  expire INTEGER NOT NULL,
  minimum INTEGER NOT NULL,
  serial INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- AUTOINCREMENT: an id that a page token holds is never given to another record.
CREATE TABLE records (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  zone_id INTEGER NOT NULL REFERENCES zones (id) ON DELETE CASCADE,
  name TEXT NOT NULL, -- relative to the zone, '@' for the apex
  type TEXT NOT NULL CHECK (type IN ('A', 'AAAA', 'CNAME')),
  value TEXT NOT NULL, -- canonical spelling
  ttl INTEGER NOT NULL, -- seconds; the same for all of a zone, name and type
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (zone_id, name, type, value)
) STRICT;

-- Pages of a zone's records by id.
CREATE INDEX records_by_zone ON records (zone_id);

-- Zones that once were: where their serial goes on when they are made again, and that no seed brings them back.
CREATE TABLE retired_zones (
  name TEXT PRIMARY KEY,
  serial INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
