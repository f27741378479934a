"""What can keep a release from being made, told to a person."""


class ReleaseError(Exception):
    """Nothing was packaged; the text says what happened and what to do."""


class NoCheckoutError(ReleaseError):
    """The folder is no checkout of git's, so nobody can say which commit it is."""
