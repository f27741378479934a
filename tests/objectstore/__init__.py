"""A real S3 server on loopback: versitygw, which keeps what it is given as files in a folder."""

from objectstore.server import Bucket, ObjectServer

__all__ = ["Bucket", "ObjectServer"]
