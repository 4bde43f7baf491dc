#!/bin/sh
# Sends a message of his own to each recipient of a CSV file, and downloads what became of each. With `npm start` all of it is
# caught in .handoff/mail/, nothing leaves this machine. Another list: sh batch.sh my-list.csv
set -eu
here=$(dirname "$0")
. "$here/client.sh"

upload=$(submit /v1/uploads -F "file=@${1:-$here/recipients.csv};type=text/csv")
echo "Job $upload"
file=$(follow "$upload" | strings id | grep '^file_')

batch=$(submit /v1/email-batches -H 'Content-Type: application/json' \
  -d "{ \"recipients\": { \"fileId\": \"$file\" }, \"subject\": \"News\", \"text\": \"Hello from the shop.\" }")
echo "Job $batch"
follow "$batch"
download "/v1/email-batches/$batch/recipients.csv" ./out-recipients.csv
cat ./out-recipients.csv
