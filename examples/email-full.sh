#!/bin/sh
# Sends an e-mail with a picture in its text, an uploaded file and an invitation. With `npm start` it is caught in .handoff/mail/.
set -eu
here=$(dirname "$0")
. "$here/client.sh"

upload=$(submit /v1/uploads -F "file=@$here/photo.jpg" -F 'request={"variants":[{"name":"small","width":200,"format":"jpeg"}]}')
echo "Job $upload"
file=$(follow "$upload" | strings id | grep '^file_' | tail -n 1)

id=$(submit /v1/emails -H 'Content-Type: application/json' -d '{
  "to": [{ "name": "Ada Lovelace", "address": "ada@example.com" }],
  "cc": ["bob@bücher.example"],
  "replyTo": ["help@example.com"],
  "subject": "Your visit – 24 December",
  "html": "<p>We look forward to seeing you.</p><p><img src=\"cid:house\" alt=\"The house\"></p>",
  "headers": { "X-Visit": "42" },
  "attachments": [
    { "name": "way.txt", "contentType": "text/plain", "content": "VHVybiBsZWZ0Lgo=" },
    { "fileId": "'"$file"'", "contentId": "house" }
  ],
  "calendar": {
    "method": "REQUEST",
    "content": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Handoff//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:42@example.com\r\nDTSTAMP:20261122T120000Z\r\nDTSTART:20261224T120000Z\r\nDTEND:20261224T130000Z\r\nORGANIZER:mailto:help@example.com\r\nATTENDEE:mailto:ada@example.com\r\nSUMMARY:Your visit\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
  },
  "tags": { "kind": "visit" }
}')
echo "Job $id"
follow "$id"
