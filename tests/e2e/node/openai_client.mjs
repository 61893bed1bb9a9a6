// The OpenAI dialect through OpenAI's own client: run with BASE_URL PICTURE COLLECTION [FILE_URL URL].
// Prints one JSON object; tests/e2e/openai_test.py judges it.
import fs from 'node:fs';
import OpenAI from 'openai';

const [baseURL, picturePath, collection, fileUrl, url] = process.argv.slice(2);
const client = new OpenAI({baseURL, apiKey: 'unused', maxRetries: 0});
const picture = `data:image/png;base64,${fs.readFileSync(picturePath).toString('base64')}`;
const out = {};

const failure = async (promise) => {
  try {
    await promise;
    return {status: 200};
  } catch (error) {
    return {kind: error.constructor.name, status: error.status, code: error.code, param: error.param, type: error.type};
  }
};
const ask = (content, rest = {}) => ({
  model: 'any', messages: [{role: 'system', content: 'Be brief.'}, {role: 'user', content}], max_tokens: 6, seed: 1,
  ...rest});
const pictures = [
  {type: 'text', text: 'Compare'}, {type: 'image_url', image_url: {url: picture, detail: 'low'}},
  {type: 'text', text: 'with'}, {type: 'image_url', image_url: {url: picture}}];

out.models = (await client.models.list()).data;
out.model = await client.models.retrieve(out.models.find((model) => model.role === 'generator').id);
out.noModel = await failure(client.models.retrieve('gpt-4o'));

out.chat = await client.chat.completions.create(ask(pictures, {n: 2, logprobs: true, top_logprobs: 2}));
out.again = await client.chat.completions.create(ask(pictures, {n: 2}));

const stream = await client.chat.completions.create(
    ask(pictures, {stream: true, stream_options: {include_usage: true}}));
out.stream = {text: '', chunks: 0};
for await (const chunk of stream) {
  out.stream.chunks++;
  out.stream.text += chunk.choices[0]?.delta.content ?? '';
  out.stream.finish = chunk.choices[0]?.finish_reason ?? out.stream.finish;
  out.stream.usage = chunk.usage ?? out.stream.usage;
}
out.tokens = {chunks: 0, logprobs: [[], []], text: ['', '']};
for await (const chunk of await client.chat.completions.create(
    ask(pictures, {n: 2, logprobs: true, top_logprobs: 2, stream: true}))) {
  for (const choice of chunk.choices) {
    const content = choice.logprobs?.content ?? [];
    out.tokens.chunks += content.length > 0;
    out.tokens.logprobs[choice.index].push(...content);
    out.tokens.text[choice.index] += choice.delta.content ?? '';
  }
}
// The client's own accumulator accepts the chunks.
const helped = client.chat.completions.stream(ask('Hello', {logprobs: true}));
out.helped = (await helped.finalChatCompletion()).choices[0];
out.plain = (await client.chat.completions.create(ask('Hello', {logprobs: true}))).choices[0];

const schema = {
  type: 'object', additionalProperties: false, required: ['colour', 'count'],
  properties: {colour: {enum: ['red', 'blue']}, count: {type: 'integer', minimum: 0, maximum: 9}}};
out.structured = (await client.chat.completions.parse(ask('Describe', {
                   max_tokens: 60, temperature: 1,
                   response_format: {type: 'json_schema', json_schema: {name: 'thing', strict: true, schema}}})))
                     .choices[0]
                     .message.parsed;
out.object = (await client.chat.completions.create(
                  ask('Describe', {max_tokens: 60, response_format: {type: 'json_object'}})))
                 .choices[0]
                 .message.content;

const grounded = {model: 'any', messages: [{role: 'user', content: 'Which part is a brass hinge?'}], collection,
                  answer_mode: 'extractive'};
out.grounded = await client.chat.completions.create(grounded);
out.groundedStream = {text: ''};
for await (const chunk of await client.chat.completions.create({...grounded, stream: true})) {
  out.groundedStream.text += chunk.choices[0]?.delta.content ?? '';
  out.groundedStream.annotations = chunk.choices[0]?.delta.annotations ?? out.groundedStream.annotations;
  out.groundedStream.sources = chunk.sources ?? out.groundedStream.sources;
}

// A follow-up is searched with what it leans on.
out.followUp = await client.chat.completions.create({
  ...grounded, messages: [{role: 'user', content: 'What is the part QX-1047?'}, {role: 'assistant', content: 'A hinge [1].'},
                          {role: 'user', content: 'And what is it made of?'}]});

// The weights are random: only what a call is held to can be told.
const tools = [
  {type: 'function', function: {name: 'stock', description: 'Pieces of a part left',
    parameters: {type: 'object', additionalProperties: false, required: ['part'],
                 properties: {part: {enum: ['hinge', 'bolt']}, shelf: {type: 'integer', minimum: 0, maximum: 9}}}}},
  {type: 'function', function: {name: 'now'}}];
const calling = {tools, max_tokens: 120, temperature: 1};
out.required = (await client.chat.completions.create(ask('How many?', {...calling, tool_choice: 'required'}))).choices[0];
const named = {...calling, tool_choice: {type: 'function', function: {name: 'stock'}}};
out.named = (await client.chat.completions.create(ask('How many?', named))).choices[0];
out.namedStream = (await client.chat.completions.stream(ask('How many?', named)).finalChatCompletion()).choices[0];
const call = out.named.message.tool_calls[0];
out.withResult = (await client.chat.completions.create({
                   ...ask('How many?', {tools}), messages: [{role: 'user', content: 'How many?'}, out.named.message,
                                                            {role: 'tool', tool_call_id: call.id, content: '12'}]})).choices[0];
out.auto = (await client.chat.completions.create(ask('How many?', {tools}))).choices[0];

out.embeddings = await client.embeddings.create({model: 'any', input: ['a red kite', 'a blue boat']});  // base64 inside
out.floats = await client.embeddings.create({model: 'any', input: 'a red kite', encoding_format: 'float'});
out.base64 = await client.embeddings.create({model: 'any', input: 'a red kite', encoding_format: 'base64'});
out.short = await client.embeddings.create({model: 'any', input: [{image: picture}], dimensions: 16, encoding_format: 'float'});
out.reranked = await client.post('/rerank', {body: {model: 'any', query: 'kite', documents: ['a kite', {image: picture}], top_n: 1}});

out.errors = {
  tools: await failure(client.chat.completions.create({...grounded, tools})),
  noTool: await failure(client.chat.completions.create(
      ask('Hello', {tools, tool_choice: {type: 'function', function: {name: 'other'}}}))),
  noCall: await failure(client.chat.completions.create(
      {model: 'any', messages: [{role: 'tool', tool_call_id: 'x', content: '12'}]})),
  history: await failure(client.chat.completions.create(
      {...grounded, messages: [...Array(65).fill({role: 'user', content: 'And?'}), {role: 'user', content: 'And?'}]})),
  type: await failure(client.chat.completions.create(ask('Hello', {temperature: 'hot'}))),
  range: await failure(client.chat.completions.create(ask('Hello', {temperature: -1, stream: true}))),
  picture: await failure(client.chat.completions.create(
      ask([{type: 'image_url', image_url: {url: 'data:image/png;base64,QUJD'}}]))),
  fetched: await failure(client.chat.completions.create(
      ask([{type: 'image_url', image_url: {url: 'http://127.0.0.1:1/a.png'}}]))),
  collection: await failure(client.chat.completions.create({...grounded, collection: 'none'})),
  schema: await failure(client.chat.completions.create(ask('Hello', {
    response_format: {type: 'json_schema', json_schema: {name: 'x', schema: {type: 'nothing'}}}}))),
};
if (fileUrl) {
  out.file = await failure(client.chat.completions.create(ask([{type: 'image_url', image_url: {url: fileUrl}}])));
  out.outside = await failure(client.chat.completions.create(
      ask([{type: 'image_url', image_url: {url: 'file:///etc/hostname'}}])));
}
if (url) {  // of the same picture
  const look = async (image) => (await client.chat.completions.create(
      ask([{type: 'image_url', image_url: {url: image}}]))).choices[0].message;
  const embedded = await client.embeddings.create(
      {model: 'any', input: [{image: url}], dimensions: 16, encoding_format: 'float'});
  const reranked = await client.post('/rerank', {body: {
    model: 'any', query: 'kite', documents: ['a kite', {image: url}], top_n: 1}});
  out.sent = await look(picture);
  out.url = {chat: await look(url), embedding: embedded.data[0].embedding, reranked: reranked.results,
             none: await failure(client.chat.completions.create(
                 ask([{type: 'image_url', image_url: {url: new URL('/none.png', url).href}}])))};
}

// Leaving a stream ends the work at the server; its test looks there.
const left = await client.chat.completions.create(ask('Hello', {stream: true, max_tokens: 20000}));
for await (const chunk of left) break;
process.stdout.write(JSON.stringify(out));
