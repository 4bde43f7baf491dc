#!/bin/sh
# Runs in temporalio/admin-tools, once per `docker compose up`: a namespace that is there is left as it is.
# Needs TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_RETENTION.
set -eu

there() { temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; }

# The frontend listens before the services behind it have found each other.
for _ in $(seq 60); do
  if there; then
    echo "Namespace $TEMPORAL_NAMESPACE is there."
    exit 0
  fi
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION" || sleep 2
done
echo "Namespace $TEMPORAL_NAMESPACE could not be created." >&2
exit 1
