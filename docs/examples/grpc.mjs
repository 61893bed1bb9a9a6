// gRPC from Node, from the proto files alone: grpc.mjs HOST:PORT DOCUMENT PICTURE [QUESTION]
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, document, picture, question = 'What does the manual say?'] = process.argv.slice(2);
const protos = process.env.SIGHTLINE_PROTO ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../proto');
const {sightline} = grpc.loadPackageDefinition(loader.loadSync(
    ['query', 'ingest'].map((name) => `sightline/v1/${name}.proto`),
    {includeDirs: [protos], keepCase: true, longs: Number, enums: String, oneofs: true}));
const connect = (name) => new sightline.v1[name](address, grpc.credentials.createInsecure());
const collection = 'manuals';

// Ingest: for each document a header, then its bytes; the last status of each says how it ended.
const ingest = connect('IngestService').IngestDocuments();
for (const [tag, file] of [document, picture].entries()) {
  ingest.write({tag, header: {collection, source: path.basename(file), create_collection: true}});
  ingest.write({tag, chunk: {data: fs.readFileSync(file), last: true}});
}
ingest.end();
for await (const status of ingest) if (status.finished) console.log(status.document_id, status.finished.outcome);

// Search by picture, with a deadline.
const query = connect('QueryService');
const found = await new Promise((resolve, reject) => query.Search(
    {collection, query: [{image: fs.readFileSync(picture)}], k: 3}, {deadline: Date.now() + 30_000},
    (error, reply) => error ? reject(error) : resolve(reply)));
for (const {passage, score} of found.hits) console.log(score.toFixed(3), passage.source, passage.page ?? '');

// An answer as it is written. Leaving the loop would end the work at the server.
const events = query.SearchAndAnswer(
    {search: {collection, query: [{text: question}]}, mode: 'ANSWER_MODE_EXTRACTIVE'});
for await (const {delta, citation} of events) {
  if (delta) process.stdout.write(delta.text);
  if (citation) process.stdout.write(` (${citation.hit.passage.source}, page ${citation.hit.passage.page})`);
}
console.log();
query.close();
