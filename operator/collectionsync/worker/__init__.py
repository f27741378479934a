"""One sync: discover, fetch, insert, publish. Talks to a Galaxy and a database, and never to Kubernetes."""
