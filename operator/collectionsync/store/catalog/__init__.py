"""What a server reads of the store: one repository as it was published, as the JSON that clients are sent.

PostgreSQL makes the JSON and keeps the documents in the bytes that they came in, so this process passes bytes on and
parses none. Every function reads one publication, whichever comes meanwhile: several questions have one answer.
"""
