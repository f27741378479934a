"""PostgreSQL: what is kept, and every statement that touches it. The one package that imports asyncpg."""
