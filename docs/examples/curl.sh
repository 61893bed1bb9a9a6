#!/usr/bin/env bash
# REST with curl: curl.sh BASE_URL DOCUMENT PICTURE [QUESTION]
# Makes the collection "manuals", if need be, and puts both files into it.
set -euo pipefail
base=$1 document=$2 picture=$3 question=${4:-What does the manual say?}
curl() { command curl --silent --show-error --fail-with-body "$@"; echo; }
json() { curl -H 'Content-Type: application/json' "$@"; }

# Upload: the reply comes when the files can be found.
curl "$base/v1/collections/manuals/documents?create_collection=true" -F "file=@$document" -F "file=@$picture"

# Search by words, and by photo: a form with the file.
json "$base/v1/search" -d '{"collection": "manuals", "text": "brass hinge", "k": 3}'
curl "$base/v1/search" -F collection=manuals -F k=3 -F "image=@$picture"

# An answer as it is written: events retrieved, delta, citation, done.
json "$base/v1/answer" -H 'Accept: text/event-stream' \
  -d "{\"collection\": \"manuals\", \"text\": \"$question\", \"answer_mode\": \"extractive\"}"

# The same in OpenAI's dialect: annotations say which words rest on which passage.
json "$base/v1/chat/completions" \
  -d "{\"model\": \"sightline\", \"collection\": \"manuals\", \"answer_mode\": \"extractive\",
       \"messages\": [{\"role\": \"user\", \"content\": \"$question\"}]}"

# Vectors of a text and of the picture.
json "$base/v1/embeddings" -d @- <<END
{"model": "sightline", "input": ["a hinge", {"image": "data:image/png;base64,$(base64 -w0 "$picture")"}], "dimensions": 8}
END
