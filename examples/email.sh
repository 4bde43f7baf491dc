#!/bin/sh
# Sends one e-mail. With `npm start` it is caught in .handoff/mail/, nothing leaves this machine.
set -eu
here=$(dirname "$0")
. "$here/client.sh"

# The key makes repeating safe: the same key is the same job. An application takes what the mail is about, such as an order number.
id=$(submit /v1/emails -H 'Content-Type: application/json' -H "Idempotency-Key: example-$(date +%s)-$$" -d '{
  "to": ["ada@example.com"],
  "subject": "Hello",
  "text": "Hi Ada",
  "html": "<p>Hi Ada</p>"
}')
echo "Job $id"
follow "$id"
