"""What these tests share: galaxies in the test's loop, and the command as a process."""

from commandline import commands
from serving import serve

__all__ = ["commands", "serve"]
