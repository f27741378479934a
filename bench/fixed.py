"""`collectionsync` with a number of connections that does not adapt: `python -m bench.fixed NUMBER sync ...`.

spec.fetch.concurrency holds the number from above; this makes the run begin with it.
"""

import sys

from collectionsync.cli import main
from collectionsync.worker import closure

if __name__ == "__main__":
    vars(closure)["START"] = int(sys.argv.pop(1))
    sys.exit(main())
