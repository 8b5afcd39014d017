CREATE TABLE routes (
  listener   TEXT NOT NULL,
  hostname   TEXT NOT NULL,
  mode       TEXT NOT NULL CHECK (mode IN ('l4', 'l7')),
  backends   TEXT NOT NULL CHECK (json_valid(backends)),
  tls_cert   TEXT NOT NULL,
  tls_key    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (listener, hostname)
) STRICT, WITHOUT ROWID;

-- One row once the routes of the configuration have been taken over: they seed a new database and no other, so that
-- a route that was deleted stays deleted.
CREATE TABLE seeded (
  at INTEGER NOT NULL
) STRICT;
