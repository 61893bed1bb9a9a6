// A plain Node client of the gRPC interface, from the proto files alone: run with ADDRESS PDF PICTURE WORD.
// Prints one JSON object; tests/e2e/grpc_client_test.py judges it.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, pdfPath, picturePath, word] = process.argv.slice(2);
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../proto');
const definition = loader.loadSync(
    ['query', 'ingest', 'collection', 'model'].map((name) => `sightline/v1/${name}.proto`),
    {includeDirs: [root], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true});
const {sightline} = grpc.loadPackageDefinition(definition);
const connect = (name) => new sightline.v1[name](address, grpc.credentials.createInsecure());
const query = connect('QueryService');
const ingest = connect('IngestService');
const out = {};

async function ingestAll(files) {
  const call = ingest.IngestDocuments();
  const finished = [];
  const done = new Promise((resolve, reject) => {
    call.on('data', (status) => {
      if (status.finished) finished.push({tag: status.tag, outcome: status.finished.outcome});
    });
    call.on('end', resolve);
    call.on('error', reject);
  });
  files.forEach((file, index) => {
    const tag = index + 1;
    call.write({tag, header: {collection: 'node', source: file, create_collection: true}});
    const data = fs.readFileSync(file);
    for (let at = 0; at < data.length || at === 0; at += 65536) {
      call.write({tag, chunk: {data: data.subarray(at, at + 65536), last: at + 65536 >= data.length}});
    }
  });
  call.end();
  await done;
  return finished.sort((a, b) => a.tag - b.tag);
}

function unary(client, method, request, options = {}) {
  return new Promise((resolve) => client[method](request, options, (error, reply) =>
    resolve(error ? {code: error.code, message: error.details} : {reply})));
}

function answer(request, options = {}, cancelAfter = null) {
  return new Promise((resolve) => {
    const events = [];
    const call = query.SearchAndAnswer(request, options);
    call.on('data', (event) => {
      events.push(event);
      if (cancelAfter !== null && events.length >= cancelAfter) call.cancel();
    });
    call.on('error', (error) => resolve({events, code: error.code}));
    call.on('end', () => resolve({events, code: 0}));
  });
}

out.ingested = await ingestAll([pdfPath, picturePath]);

const asked = await answer({search: {collection: 'node', query: [{text: `Which part is ${word}?`}], mode: 'SEARCH_MODE_LEXICAL'}});
out.order = asked.events.map((event) => event.event);
const done = asked.events.at(-1).done;
out.answer = done.answer;
out.citations = done.citations.map((c) => ({
  source: c.hit.passage.source, page: c.hit.passage.page, box: c.hit.passage.box, start: c.start, end: c.end}));
out.deltas = asked.events.filter((event) => event.delta).map((event) => event.delta.text).join('');

const found = await unary(query, 'Search', {collection: 'node', query: [{image: fs.readFileSync(picturePath)}], k: 1});
out.photo = found.reply.hits[0].passage.source;

out.deadline = (await answer({search: {collection: 'node', query: [{text: word}]}}, {deadline: Date.now() + 1})).code;
out.cancelled = (await answer({search: {collection: 'node', query: [{text: word}]}}, {}, 1)).code;
out.unknown = (await unary(query, 'Search', {collection: 'nowhere', query: [{text: 'x'}]})).code;
out.filter = await unary(query, 'Search', {collection: 'node', query: [{text: 'x'}], filter: 'a = ='});
out.dimension = (await unary(connect('CollectionService'), 'CreateCollection', {name: 'wide', dimension: 1000000})).code;
out.model = (await unary(connect('ModelService'), 'GetModel', {})).reply.encoder.dimension;

console.log(JSON.stringify(out));
process.exit(0);
