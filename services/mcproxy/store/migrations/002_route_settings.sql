-- Routes by path, and what an L7 route does beside passing on. The settings are one JSON object, written with its keys in
-- one order, so that equal settings are equal text.
CREATE TABLE routes_by_path (
  listener   TEXT NOT NULL,
  hostname   TEXT NOT NULL,
  path       TEXT NOT NULL,
  mode       TEXT NOT NULL CHECK (mode IN ('l4', 'l7')),
  backends   TEXT NOT NULL CHECK (json_valid(backends)),
  tls_cert   TEXT NOT NULL,
  tls_key    TEXT NOT NULL,
  settings   TEXT NOT NULL CHECK (json_valid(settings)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (listener, hostname, path)
) STRICT, WITHOUT ROWID;
INSERT INTO routes_by_path
  SELECT listener, hostname, '/', mode, backends, tls_cert, tls_key, '{}', created_at, updated_at FROM routes;
DROP TABLE routes;
ALTER TABLE routes_by_path RENAME TO routes;

-- Listeners beside those of the configuration.
CREATE TABLE listeners (
  name                TEXT NOT NULL PRIMARY KEY,
  address             TEXT NOT NULL UNIQUE,
  kind                TEXT NOT NULL CHECK (kind IN ('tls', 'tcp', 'http')),
  proxy_protocol_from TEXT NOT NULL CHECK (json_valid(proxy_protocol_from)),
  created_at          INTEGER NOT NULL,
  updated_at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
