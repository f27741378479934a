"""The read-only Galaxy v3 server: it reads the store, and nothing reads it."""
