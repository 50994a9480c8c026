#!/bin/sh
# Finds a Python that is new enough and hands over to tools/bootstrap.py, which needs nothing but its standard library.
set -eu
cd "$(dirname "$0")/.."

found=""
for python in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
    command -v "$python" >/dev/null 2>&1 || continue
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -u tools/bootstrap.py "$@"
    fi
    found="$found $python is $("$python" -V 2>&1 | head -n 1);"
done

echo "setup: Python 3.11 or newer is needed.${found:- No Python was found.}" >&2
echo "       Install it (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.12)," >&2
echo "       or say where it is: make PYTHON=/path/to/python3.11 setup" >&2
exit 1
