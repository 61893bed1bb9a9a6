// The official MCP client over stdio and over HTTP: run with URL PROGRAM ARGUMENT….
// Prints one JSON object, one part each; tests/e2e/mcp_test.py judges it.
import {Client} from '@modelcontextprotocol/sdk/client/index.js';
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js';
import {StreamableHTTPClientTransport} from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, command, ...args] = process.argv.slice(2);

const failure = async (promise) => {
  try {
    return {result: await promise};
  } catch (error) {
    return {code: error.code, message: error.message};
  }
};

async function visit(transport) {
  const client = new Client({name: 'test', version: '1'});
  await client.connect(transport);
  const out = {server: client.getServerVersion(), capabilities: client.getServerCapabilities()};
  await client.ping();
  out.tools = (await client.listTools()).tools;  // from here on results are held against their schemas
  out.collections = await client.callTool({name: 'list_collections'});
  out.found = await client.callTool({name: 'search', arguments: {query: 'brass hinge', collection: 'parts'}});
  out.answer = await client.callTool({name: 'ask', arguments: {question: 'Which part is a brass hinge?', collection: 'parts'}});
  const passage_id = out.found.structuredContent.hits[0].passage_id;
  out.passage = await client.callTool({name: 'get_passage', arguments: {passage_id, with_image: true}});
  out.resources = (await client.listResources()).resources;
  out.templates = (await client.listResourceTemplates()).resourceTemplates;
  const link = out.found.content.find((block) => block.type === 'resource_link');
  out.picture = (await client.readResource({uri: link.uri})).contents[0];
  const picture = `data:${out.picture.mimeType};base64,${out.picture.blob}`;
  out.byPicture = await client.callTool({name: 'search', arguments: {image: picture, collection: 'parts'}});
  out.wrong = await client.callTool({name: 'search', arguments: {query: 'x', collection: 'none'}});
  out.noTool = await failure(client.callTool({name: 'drop'}));
  out.noResource = await failure(client.readResource({uri: 'sightline://passages/999999'}));
  const abort = new AbortController();
  const aborted = failure(client.callTool({name: 'ask', arguments: {question: 'hinge', collection: 'parts'}}, undefined,
                                          {signal: abort.signal}));
  abort.abort('enough');
  out.aborted = await aborted;
  await client.ping();
  await client.close();
  return out;
}

const out = {
  stdio: await visit(new StdioClientTransport({command, args, env: process.env})),
  http: await visit(new StreamableHTTPClientTransport(new URL(url)))};
process.stdout.write(JSON.stringify(out));
