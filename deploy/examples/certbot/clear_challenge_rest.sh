#!/bin/sh
# certbot's --manual-cleanup-hook: takes away what set_challenge_rest.sh has set, and only that: another challenge for the
# same name may be under way. Settings as there.
set -eu
printf 'header = "authorization: Bearer %s"\n' "$(cat "$MCNS_TOKEN_FILE")" |
  curl --silent --show-error --fail-with-body --max-time 30 ${MCNS_CA:+--cacert "$MCNS_CA"} --config - \
    --get --request DELETE \
    --data-urlencode "name=_acme-challenge.$CERTBOT_DOMAIN." --data-urlencode type=TXT \
    --data-urlencode "value=$CERTBOT_VALIDATION" \
    "$MCNS_URL/v1/zones/$MCNS_ZONE/records"
