#!/bin/bash
# Run by the postgres image when its volume is empty: one account and its databases each for Temporal and Handoff.
set -e

psql --username "$POSTGRES_USER" --dbname postgres --no-password --set ON_ERROR_STOP=1 \
  --set temporal_password="$TEMPORAL_DB_PASSWORD" --set handoff_password="$HANDOFF_DB_PASSWORD" <<'SQL'
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE ROLE handoff LOGIN PASSWORD :'handoff_password';
CREATE DATABASE handoff OWNER handoff;
-- Neither account may look into the other's database.
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, handoff FROM PUBLIC;
SQL
