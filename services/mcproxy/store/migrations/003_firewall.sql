-- Lists are JSON arrays of texts: they are read and written with their rule, and never searched.
CREATE TABLE firewall_rules (
  id              TEXT NOT NULL PRIMARY KEY,
  priority        INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 65535),
  enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  action          TEXT NOT NULL CHECK (action IN ('allow', 'block', 'limit')),
  listener        TEXT NOT NULL,
  hostname        TEXT NOT NULL,
  cidrs           TEXT NOT NULL CHECK (json_valid(cidrs)),
  countries       TEXT NOT NULL CHECK (json_valid(countries)),
  user_agents     TEXT NOT NULL CHECK (json_valid(user_agents)),
  paths           TEXT NOT NULL CHECK (json_valid(paths)),
  -- Both or neither.
  rate_per_second REAL CHECK ((rate_per_second IS NULL) = (rate_burst IS NULL)),
  rate_burst      INTEGER,
  max_connections INTEGER NOT NULL,
  note            TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;

-- The order in which rules are read, and listed.
CREATE UNIQUE INDEX firewall_rules_in_order ON firewall_rules (priority, id);
