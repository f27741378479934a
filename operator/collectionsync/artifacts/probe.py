"""What is written to a store to see whether it can be; it stays, since not everybody who may write may delete."""

PROBE = "collectionsync-check"
PROBE_CONTENT = b"collectionsync writes this to see whether it can.\n"
