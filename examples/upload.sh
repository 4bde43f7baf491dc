#!/bin/sh
# Uploads a picture, has it resized, and downloads the small one. Another picture: sh upload.sh my-photo.jpg
set -eu
here=$(dirname "$0")
. "$here/client.sh"

id=$(submit /v1/uploads -F "file=@${1:-$here/photo.jpg}" -F 'request={"variants":[{"name":"thumb","width":320,"format":"webp"}]}')
echo "Job $id"
job=$(follow "$id")
printf '%s\n' "$job"

# First the original, then the variants, in the order in which they were asked for.
download "$(printf '%s' "$job" | strings content | sed -n 2p)" ./out-thumb.webp
