#!/bin/sh
# Makes PDF files of the samples in reports/: each a table (.csv) and what to make of it (.json). One of them: sh reports.sh invoices
set -eu
here=$(dirname "$0")
. "$here/client.sh"

# Uploads a file and prints its id: uploaded FILE TYPE
uploaded() {
  upload=$(submit /v1/uploads -F "file=@$1;type=$2")
  follow "$upload" | strings id | grep '^file_' | head -n 1
}

logo=$(uploaded "$here/reports/logo.png" image/png)
[ $# -gt 0 ] || set -- sales-by-month inventory invoices languages
for name in "$@"; do
  file=$(uploaded "$here/reports/$name.csv" text/csv)
  request=$(sed "s/\"FILE\"/\"$file\"/; s/\"LOGO\"/\"$logo\"/" "$here/reports/$name.json")
  report=$(submit /v1/reports -H 'Content-Type: application/json' -d "$request")
  echo "Job $report"
  job=$(follow "$report")
  download "$(printf '%s' "$job" | strings content)" "./out-$name.pdf"
done
