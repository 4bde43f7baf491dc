# Read by the examples beside it (`. client.sh`), not run by itself. Needs curl.
#   HANDOFF_URL      where Handoff is; default http://127.0.0.1:3000
#   HANDOFF_API_KEY  default: the key that `npm start` keeps in .handoff/dev-api-key

url=${HANDOFF_URL:-http://127.0.0.1:3000}
key_file=${HANDOFF_DATA_DIR:-$here/../.handoff}/dev-api-key
key=${HANDOFF_API_KEY:-$(cat "$key_file" 2>/dev/null)} || {
  echo "No API key: set HANDOFF_API_KEY, or start Handoff with 'npm start' first." >&2
  exit 1
}

# One request: api PATH [curl's own arguments]
api() {
  path=$1
  shift
  curl -sS "$url$path" -H "Authorization: Bearer $key" "$@"
}

# Every string field of this name in the JSON on standard input, one a line.
strings() {
  tr ',{}[]' '\n\n\n\n\n' | sed -n "s/^\"$1\":\"\(.*\)\"\$/\1/p"
}

# Submits a job and prints its id, or the answer when there is no job: submit PATH [curl's own arguments]
submit() {
  answer=$(api "$@") || exit 1
  id=$(printf '%s' "$answer" | strings id | head -n 1)
  if [ -z "$id" ]; then
    printf 'No job was started:\n%s\n' "$answer" >&2
    exit 1
  fi
  printf '%s\n' "$id"
}

# Asks for a job until it has ended, and prints it: follow ID
follow() {
  while :; do
    # 503 means that Temporal or the database is away for a moment: curl asks again.
    job=$(api "/v1/jobs/$1" --fail --retry 10) || exit 1
    status=$(printf '%s' "$job" | strings status | head -n 1)
    case $status in
      queued | running | retrying | cancelling) sleep 1 ;;
      completed) break ;;
      *)
        printf 'The job did not complete:\n%s\n' "$job" >&2
        exit 1
        ;;
    esac
  done
  printf '%s\n' "$job"
}

# Downloads into a new file, and fails on anything but the bytes: download PATH FILE
download() {
  api "$1" --fail --output "$2" && echo "Saved $2"
}
