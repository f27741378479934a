"""Signatures, by AWS's own examples: API reference of S3, "Signature Calculations for the Authorization Header"."""

import hashlib
from datetime import UTC, datetime

import pytest

from collectionsync.artifacts.sigv4 import EMPTY_SHA256, Keys, encoded, presigned, signed

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = {"Host": "examplebucket.s3.amazonaws.com"}
TIME = datetime(2013, 5, 24, tzinfo=UTC)


def signature(method: str, path: str, headers: dict[str, str], sha256: str = EMPTY_SHA256) -> str:
    made = signed(method, path, {**HOST, **headers}, sha256=sha256, keys=KEYS, region="us-east-1", now=TIME)
    return made["authorization"].rpartition("Signature=")[2]


def test_an_object_that_is_read_is_signed_as_aws_signs_it() -> None:
    assert signature("GET", "/test.txt", {"Range": "bytes=0-9"}) == (
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_an_object_that_is_written_is_signed_as_aws_signs_it() -> None:
    headers = {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    digest = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
    assert signature("PUT", encoded("/test$file.text"), headers, digest) == (
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


def test_keys_for_a_while_come_with_their_token_which_is_signed_too() -> None:
    keys = KEYS._replace(token="for-a-while")
    made = signed("GET", "/a", HOST, sha256=EMPTY_SHA256, keys=keys, region="us-east-1", now=TIME)
    assert made["x-amz-security-token"] == "for-a-while"
    assert "x-amz-date;x-amz-security-token," in made["authorization"]


def test_a_url_is_signed_as_aws_signs_it() -> None:
    # "Authenticating Requests: Using Query Parameters", of the same reference.
    query = presigned("/test.txt", {}, host=HOST["Host"], seconds=86400, keys=KEYS, region="us-east-1", now=TIME)
    assert query == (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_a_url_of_keys_for_a_while_has_their_token_which_is_signed_too() -> None:
    def query(token: str) -> str:
        keys = KEYS._replace(token=token)
        return presigned("/a", {}, host=HOST["Host"], seconds=60, keys=keys, region="us-east-1", now=TIME)

    assert "&X-Amz-Security-Token=for%2Fa%2Bwhile&X-Amz-SignedHeaders=" in query("for/a+while")
    assert query("one").rpartition("=")[2] != query("two").rpartition("=")[2]


@pytest.mark.parametrize(
    ("path", "expected"), [("/a/b.tar.gz", "/a/b.tar.gz"), ("/a b/ü+~*", "/a%20b/%C3%BC%2B~%2A"), ("/a%20", "/a%2520")]
)
def test_a_path_is_encoded_once(path: str, expected: str) -> None:
    assert encoded(path) == expected


def test_keys_are_not_shown() -> None:
    assert repr(KEYS) == "Keys(…)"
