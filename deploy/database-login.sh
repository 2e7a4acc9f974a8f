#!/bin/sh
# Run once by the database's image, when it makes a new cluster: the name the processes sign in under.
# The owner's password is the migrations' alone; a process that is taken over can add to the books
# under this name and rewrite nothing.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password ALMONER_DATABASE_PASSWORD
CREATE ROLE almoner_app NOLOGIN;
CREATE ROLE almoner_web LOGIN PASSWORD :'password' IN ROLE almoner_app;
SQL
