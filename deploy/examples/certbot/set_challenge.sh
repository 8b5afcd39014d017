#!/bin/sh
# certbot's --manual-auth-hook: sets the TXT record of a DNS-01 challenge by dynamic update (RFC 2136).
#
#   MCNS_SERVER    address and port of MCNS, e.g. "192.0.2.53 53"
#   MCNS_KEY_FILE  the TSIG key, as tsig-keygen(8) writes it, mode 0600; its scope needs no more than
#                  zone example.org, names _acme-challenge.**, types TXT
#
# certbot sets CERTBOT_DOMAIN and CERTBOT_VALIDATION. The record is answered when this ends.
set -eu
nsupdate -k "$MCNS_KEY_FILE" <<UPDATE
server $MCNS_SERVER
update add _acme-challenge.$CERTBOT_DOMAIN. 60 TXT "$CERTBOT_VALIDATION"
send
UPDATE
