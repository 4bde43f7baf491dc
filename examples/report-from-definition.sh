#!/bin/sh
# Puts the report definition sales-by-country.json (again, if it has changed), uploads a CSV file, shows the first rows of the
# report by it, makes the report, and downloads it. Since another month: sh report-from-definition.sh 2026-02
set -eu
here=$(dirname "$0")
. "$here/client.sh"

definition=/v1/report-definitions/sales-by-country
api "$definition" -X PUT -H 'Content-Type: application/json' --data-binary "@$here/sales-by-country.json" --fail-with-body -o /dev/null

upload=$(submit /v1/uploads -F "file=@$here/sales.csv;type=text/csv")
file=$(follow "$upload" | strings id | grep '^file_')
call="\"source\": { \"fileId\": \"$file\" }, \"parameters\": { \"since\": \"${1:-2026-01}\" }"

api "$definition/preview" -H 'Content-Type: application/json' -d "{ $call }" --fail-with-body
echo

report=$(submit /v1/reports -H 'Content-Type: application/json' -d "{ \"definition\": \"sales-by-country\", $call }")
echo "Job $report"
job=$(follow "$report")
printf '%s\n' "$job"
download "$(printf '%s' "$job" | strings content)" ./out-sales-by-country.csv
