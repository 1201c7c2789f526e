#!/usr/bin/env bash
# Runs `pulumi up` when a key of the selected stack has something to do; meant to be called every hour.
# The program exports `nextActionAt`: see examples/rotation-by-age. The stack has an allomia:owner.
set -euo pipefail

# A stack that cannot be read is an error, not "nothing to do".
outputs=$(pulumi stack output --json)
next=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1]).get("nextActionAt") or "")' "$outputs")
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
if [[ -z $next ]]; then
  echo "nothing to do: the stack has no nextActionAt (does the program export it?)"
  exit 0
fi
# ISO 8601 in UTC sorts as text.
if [[ $now < $next ]]; then
  echo "nothing to do before $next"
  exit 0
fi
if pulumi preview --non-interactive --expect-no-changes; then
  echo "nothing to do after all"
  exit 0
fi
# Changes, or a failure: a second preview tells which, and a failure ends here.
pulumi preview --non-interactive
pulumi up --non-interactive --yes --skip-preview

# An interrupted run may have left a key. Only what is certain is revoked; the rest is for a person to look at.
care=0
allomia orphans --revoke --yes --stack . || care=$?
if [[ $care -eq 8 ]]; then
  echo "needs care: see above what was kept and why; look with: allomia orphans --stack ."
  exit 0
fi
exit "$care"
