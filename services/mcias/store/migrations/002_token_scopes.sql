-- What a token is limited to, with a space between; empty for nothing, as of every token from before.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
