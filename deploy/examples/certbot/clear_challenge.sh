#!/bin/sh
# certbot's --manual-cleanup-hook: takes away what set_challenge.sh has set, and only that: another challenge for the same
# name may be under way. Settings as there.
set -eu
nsupdate -k "$MCNS_KEY_FILE" <<UPDATE
server $MCNS_SERVER
update delete _acme-challenge.$CERTBOT_DOMAIN. TXT "$CERTBOT_VALIDATION"
send
UPDATE
