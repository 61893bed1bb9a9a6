// OpenAI's Node client: openai.mjs BASE_URL PICTURE COLLECTION [QUESTION], with BASE_URL http://HOST:8080/v1
import fs from 'node:fs';
import OpenAI from 'openai';

const [baseURL, picture, collection, question = 'What does the manual say?'] = process.argv.slice(2);
const client = new OpenAI({baseURL, apiKey: process.env.SIGHTLINE_KEY ?? 'none'});
const model = 'sightline';  // any name: the loaded generator answers
const image_url = {url: `data:image/png;base64,${fs.readFileSync(picture).toString('base64')}`};

// A question about a picture, word by word.
const stream = await client.chat.completions.create({
  model, stream: true, max_tokens: 64,
  messages: [{role: 'user', content: [{type: 'text', text: 'What is in the picture?'}, {type: 'image_url', image_url}]}]});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
console.log();

// The same as JSON of a schema.
const schema = {type: 'object', required: ['objects'], additionalProperties: false,
                properties: {objects: {type: 'array', maxItems: 3, items: {type: 'string', maxLength: 20}}}};
const structured = await client.chat.completions.create({
  model, max_tokens: 256, response_format: {type: 'json_schema', json_schema: {name: 'picture', schema}},
  messages: [{role: 'user', content: [{type: 'text', text: 'List the objects.'}, {type: 'image_url', image_url}]}]});
console.log(JSON.parse(structured.choices[0].message.content));

// An answer from a collection, and what each of its citations rests on.
const answer = await client.chat.completions.create(
    {model, collection, answer_mode: 'extractive', messages: [{role: 'user', content: question}]});
console.log(answer.choices[0].message.content);
for (const {url_citation: cited} of answer.choices[0].message.annotations) {
  console.log(`[${cited.marker}] ${cited.title}, page ${cited.page}: ${cited.snippet}`);
}
