#!/usr/bin/env bash
# Starts the program beside this file in the sandbox that its declaration and config give.
set -u
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
config=""
for ((i = 1; i <= $#; i++)); do
  case "${!i}" in
    --config) next=$((i + 1)); config="${!next:-}" ;;
    --config=*) config="${!i#--config=}" ;;
  esac
done
reads="$here"
[ -z "$config" ] || reads="$here,$(readlink -f "$config")"
export DENO_NO_UPDATE_CHECK=1
mapfile -d '' -t arguments < <(
  "$here/deno" run --quiet --no-prompt --no-config --no-lock --no-npm --no-remote --cached-only \
    --allow-import=127.0.0.1:1 --ignore-env="*" --allow-read="$reads" "$here/flags.js" "$here" "$@"
)
# What went wrong is on standard error already.
[ ${#arguments[@]} -gt 0 ] || exit 2
exec "$here/deno" "${arguments[@]}"
