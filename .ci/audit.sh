#!/usr/bin/env bash
# Looks for known vulnerabilities in the packages of VENV (default .venv), as .ci/constraints.txt and setup.py chose them.
# Usage: .ci/audit.sh [VENV] [--where-reachable]     exit codes: 0 none known, 1 some, 3 not done
# pip-audit asks pypi.org. Where that does not answer, as behind mirrors of packages alone, the audit was not done, which is
# said; with --where-reachable, as CI calls it, that is no failure.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=.venv not_done=3
for argument in "$@"; do
  if [ "$argument" = --where-reachable ]; then not_done=0; else VENV=$argument; fi
done
TOOL=.venv-audit # of its own: what it needs is not hpcpot's
unreachable() {
  echo "audit = not done: $1; run \`make audit\` where pypi.org is reachable" >&2
  exit "$not_done"
}

if [ ! -x "$TOOL/bin/pip-audit" ]; then
  python3 -m venv "$TOOL"
  "$TOOL/bin/pip" --disable-pip-version-check -q install "pip-audit>=2.9,<3" >/dev/null 2>&1 ||
    { rm -rf "$TOOL"; unreachable "pip-audit cannot be installed"; }
fi
packages=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
report=$("$TOOL/bin/pip-audit" --timeout 20 --progress-spinner off --format json --path "$packages" 2>/dev/null) || true
"$TOOL/bin/python" - "$report" <<'PYTHON' && code=0 || code=$?
import json
import sys

try:
    packages = json.loads(sys.argv[1])["dependencies"]
except ValueError:
    sys.exit(3)
audited = [package for package in packages if "skip_reason" not in package]
if not audited:
    sys.exit(3)
found = [(package, flaw) for package in audited for flaw in package["vulns"]]
for package, flaw in found:
    print(f"{package['name']} {package['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'none'}")
print(f"audit: {len(audited)} of {len(packages)} packages known to pypi.org, {len(found)} vulnerabilities")
sys.exit(bool(found))
PYTHON
[ "$code" != 3 ] || unreachable "pypi.org tells nothing about any of the packages"
exit "$code"
