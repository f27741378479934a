"""Artifacts: how a collection's tarball is checked, and the object store that it goes to. Knows no Galaxy, no database.

The one package that imports obstore, and only where a store needs it.
"""
