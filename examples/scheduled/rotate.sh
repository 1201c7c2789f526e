#!/usr/bin/env bash
# Runs `pulumi up` when a key of the selected stack has something to do; meant to be called every hour.
# The program exports `nextActionAt`: see examples/rotation-by-age.
set -euo pipefail

next=$(pulumi stack output nextActionAt 2>/dev/null || true)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
# ISO 8601 in UTC sorts as text.
if [[ -z $next || $now < $next ]]; then
  echo "nothing to do before ${next:-the next change of the program}"
  exit 0
fi
if pulumi preview --non-interactive --expect-no-changes; then
  echo "nothing to do after all"
else
  pulumi up --non-interactive --yes --skip-preview
fi
