"""anyio loads `open_file` when it is first asked for, and pytest then parses that module.

Python 3.11 fails to parse when the collector meanwhile ends what other tests left (a connection of
Dagster's to SQLite, say), so it is loaded here, before any test.
"""

import anyio

assert anyio.open_file
