"""The Galaxy v3 protocol: what a server says and how to ask it. Knows no database, and nothing of memory limits."""
