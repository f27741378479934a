# Starts the bundled PostgreSQL; run by `sh -eu` in an image that has initdb and postgres on its PATH. The first start makes
# the cluster beside its place and moves it there when it is whole. Each start sets the password that the Secret has now.
password=$(cat /secrets/password)

single() {
  postgres --single -D "$1" -c exit_on_error=on postgres > /dev/null
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  new="$PGDATA.new"
  rm -rf "$new"
  initdb --pgdata "$new" --username postgres --encoding UTF8 --locale C.UTF-8 --data-checksums \
    --auth-local peer --auth-host scram-sha-256
  echo "host all all all scram-sha-256" >> "$new/pg_hba.conf"
  echo "CREATE ROLE collectionsync LOGIN" | single "$new"
  echo "CREATE DATABASE collectionsync OWNER collectionsync" | single "$new"
  mv "$new" "$PGDATA"
fi
# Nobody else runs in this container: the lock of a server that was killed is no living one's, whoever has its number now.
rm -f "$PGDATA/postmaster.pid"
echo "ALTER ROLE collectionsync PASSWORD '$password'" | single "$PGDATA"
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql
