#!/bin/sh
# Uploads a CSV file, makes an XLSX file from it, and downloads that. Another file: sh report-from-csv.sh my-table.csv
set -eu
here=$(dirname "$0")
. "$here/client.sh"

upload=$(submit /v1/uploads -F "file=@${1:-$here/sales.csv};type=text/csv")
echo "Job $upload"
file=$(follow "$upload" | strings id | grep '^file_')

report=$(submit /v1/reports -H 'Content-Type: application/json' \
  -d "{ \"title\": \"Sales by city\", \"source\": { \"fileId\": \"$file\" }, \"outputs\": [{ \"format\": \"xlsx\" }] }")
echo "Job $report"
job=$(follow "$report")
printf '%s\n' "$job"
download "$(printf '%s' "$job" | strings content)" ./out-sales-by-city.xlsx
