#!/bin/sh
# Makes a report of three rows as CSV and as XLSX, and downloads both.
set -eu
here=$(dirname "$0")
. "$here/client.sh"

id=$(submit /v1/reports -H 'Content-Type: application/json' -d '{
  "title": "Sales",
  "source": {
    "rows": [
      { "city": "Oslo", "sum": 12.5 },
      { "city": "Łódź", "sum": 7 },
      { "city": "Kyoto", "sum": 30.25 }
    ]
  },
  "outputs": [{ "format": "csv" }, { "format": "xlsx" }]
}')
echo "Job $id"
job=$(follow "$id")
printf '%s\n' "$job"

# One file an output, in the order in which they were asked for.
contents=$(printf '%s' "$job" | strings content)
download "$(printf '%s\n' "$contents" | sed -n 1p)" ./out-sales.csv
download "$(printf '%s\n' "$contents" | sed -n 2p)" ./out-sales.xlsx
