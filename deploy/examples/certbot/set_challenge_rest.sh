#!/bin/sh
# certbot's --manual-auth-hook: sets the TXT record of a DNS-01 challenge by MCNS's REST API.
#
#   MCNS_URL         where the API is, e.g. "https://ns1.example.org:8443"
#   MCNS_ZONE        the zone that has the name, e.g. "example.org"
#   MCNS_TOKEN_FILE  a token of MCIAS, mode 0600; it needs no more than the scope
#                    mcns:record:example.org:_acme-challenge.**:TXT
#   MCNS_CA          root certificate of MCNS, PEM; unset: the system's
#
# certbot sets CERTBOT_DOMAIN and CERTBOT_VALIDATION. The record is answered when this ends, and goes by itself after an
# hour should the cleanup hook never run.
set -eu
record=$(printf '{"name": "_acme-challenge.%s.", "type": "TXT", "value": "%s", "ttl": 60, "expires_in": 3600}' \
  "$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION")
# The token goes to curl on its standard input: command lines are for every user of the machine to read.
printf 'header = "authorization: Bearer %s"\n' "$(cat "$MCNS_TOKEN_FILE")" |
  curl --silent --show-error --fail-with-body --max-time 30 ${MCNS_CA:+--cacert "$MCNS_CA"} --config - \
    --header "content-type: application/json" --data "$record" \
    "$MCNS_URL/v1/zones/$MCNS_ZONE/records"
