#!/bin/sh
# Puts the e-mail template receipt.json (again, if it has changed) and sends one message with it. With `npm start` it is caught
# in .handoff/mail/, nothing leaves this machine.
set -eu
here=$(dirname "$0")
. "$here/client.sh"

api /v1/email-templates/receipt -X PUT -H 'Content-Type: application/json' --data-binary "@$here/receipt.json" --fail-with-body -o /dev/null

id=$(submit /v1/emails -H 'Content-Type: application/json' -d '{
  "to": ["ada@example.com"],
  "template": {
    "name": "receipt",
    "variables": {
      "shop": { "name": "Tea & Co", "color": "#2f6f4f", "address": "Harbour Street 1, Oslo" },
      "customer": { "name": "Ada" },
      "order": { "number": "42", "date": "2026-11-22", "total": "€ 8.90", "url": "https://shop.example.com/orders/42" },
      "items": [{ "name": "Green tea, 100 g", "count": 1, "price": "€ 8.90" }]
    }
  }
}')
echo "Job $id"
follow "$id"
