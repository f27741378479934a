"""One Galaxy v3 server for the demo, the tests and the benchmark."""

from testgalaxy.catalog import Catalog, Collection, Version
from testgalaxy.documents import Document, Part
from testgalaxy.faults import Exchange, Fault, kind
from testgalaxy.layout import Layout
from testgalaxy.namespaces import PNG, Namespace
from testgalaxy.process import Served, served
from testgalaxy.server import TestGalaxy
from testgalaxy.small import small_catalog, small_docs, small_version, with_tarball
from testgalaxy.storage import ObjectStorage

__all__ = [
    "PNG",
    "Catalog",
    "Collection",
    "Document",
    "Exchange",
    "Fault",
    "Layout",
    "Namespace",
    "ObjectStorage",
    "Part",
    "Served",
    "TestGalaxy",
    "Version",
    "kind",
    "served",
    "small_catalog",
    "small_docs",
    "small_version",
    "with_tarball",
]
