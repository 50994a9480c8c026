"""Exits with 0 when the PostgreSQL at the given URL lets us in; for .ci/run.

python tools/probe_postgresql.py postgresql://postgres@127.0.0.1:5432/test
"""

from __future__ import annotations

import asyncio
import sys

import asyncpg


async def main(url: str) -> int:
    """Connect and leave; return the exit status."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        print(exc, file=sys.stderr)
        return 1
    await connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
