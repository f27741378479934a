"""Mirror Ansible collections into PostgreSQL, declared as Kubernetes objects, in flat and measured memory."""

__version__ = "0.2.0"
