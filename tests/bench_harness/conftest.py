"""The benchmark is a package at the root, beside what is installed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
