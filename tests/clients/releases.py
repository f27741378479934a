"""Which tests run with which releases of ansible-core."""

from collections.abc import Callable

import pytest

from testansible import MINORS, Client

Another = Callable[[], Client]

every_release = pytest.mark.parametrize("ansible", MINORS, indirect=True)
"""For what everybody does all day: with each release, and not with the newest and the oldest only."""
