"""What these tests share: the command as a process, and one that is there to be attacked."""

from commandline import commands
from server.attacked import attacked, attacked_process
from server.shown import shown

__all__ = ["attacked", "attacked_process", "commands", "shown"]
