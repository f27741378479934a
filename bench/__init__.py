"""How much memory and time a sync takes, beside what PostgreSQL alone takes for the same bytes: `make bench`.

Every figure is of the command that a Job in a cluster runs, in a process of its own and seen from outside. Linux only:
the readings are /proc's.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

sys.path.append(str(ROOT / "tests"))  # for testgalaxy, which serves the collections
