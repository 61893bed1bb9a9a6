import type {
  AnswerReply,
  Citation,
  Collection,
  CollectionStats,
  ErrorBody,
  Heatmap,
  IngestStep,
  SearchReply,
} from "./types";

// What went wrong, in words for the person at the page.
export class ApiError extends Error {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

function errorFrom(text: string, status: number): ApiError {
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    return new ApiError(error.message, error.code);
  } catch {
    return new ApiError(`The server answered with status ${status}.`, "http_error");
  }
}

async function request(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached.", "unreachable");
  }
  if (!response.ok) throw errorFrom(await response.text(), response.status);
  return response;
}

const json = { "Content-Type": "application/json" };

export async function listCollections(): Promise<Collection[]> {
  const reply = (await (await request("/v1/collections")).json()) as { collections: Collection[] };
  return reply.collections;
}

export async function collectionStats(name: string): Promise<CollectionStats> {
  return (await request(`/v1/collections/${encodeURIComponent(name)}`)).json() as Promise<CollectionStats>;
}

export async function createCollection(name: string): Promise<Collection> {
  const init = { method: "POST", headers: json, body: JSON.stringify({ name }) };
  return (await request("/v1/collections", init)).json() as Promise<Collection>;
}

export interface Query {
  collection: string;
  text: string;
  photos: File[];
}

// What was asked before, and the answer it got.
export interface Turn {
  question: string;
  photos: File[];
  answer: string;
}

export type AnswerStyle = "auto" | "extractive" | "generative";

export interface Question extends Query {
  history: Turn[]; // oldest first
  style: AnswerStyle;
  reasoning: boolean;
}

function form(query: Query, k: number): FormData {
  const data = new FormData();
  data.append("collection", query.collection);
  data.append("k", String(k));
  if (query.text.trim() !== "") data.append("text", query.text.trim());
  for (const photo of query.photos) data.append("image", photo, photo.name || "photo");
  return data;
}

// What the server takes of a conversation (docs/conversations.md): 64 turns of one speaker, 16 pictures.
const mostTurns = 32;
const mostEarlierPhotos = 16;

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new ApiError(`${file.name} can no longer be read.`, "unreadable"));
    reader.readAsDataURL(file);
  });
}

async function messagesOf(history: Turn[]): Promise<unknown[]> {
  const messages: unknown[] = [];
  let room = mostEarlierPhotos;
  for (const turn of history.slice(-mostTurns).reverse()) {
    const photos = turn.photos.slice(0, room);
    room -= photos.length;
    const pictures = (await Promise.all(photos.map(dataUrl))).map((url) => ({ type: "image_url", image_url: { url } }));
    messages.unshift(
      { role: "user", content: [...pictures, { type: "text", text: turn.question }] },
      { role: "assistant", content: turn.answer },
    );
  }
  return messages;
}

async function answerForm(question: Question): Promise<FormData> {
  const data = form(question, 8);
  data.append("regions", "true");
  data.append("reasoning", String(question.reasoning));
  if (question.style !== "auto") data.append("answer_mode", question.style);
  if (question.history.length > 0) data.append("history", JSON.stringify(await messagesOf(question.history)));
  return data;
}

export async function search(query: Query, signal: AbortSignal): Promise<SearchReply> {
  const init = { method: "POST", body: form(query, 24), signal };
  return (await request("/v1/search", init)).json() as Promise<SearchReply>;
}

// Which region of a passage's picture matches the query.
export async function heatmap(passageId: string, query: Query, signal: AbortSignal): Promise<Heatmap> {
  const path = `/v1/passages/${encodeURIComponent(passageId)}/heatmap?format=json`;
  return (await request(path, { method: "POST", body: form(query, 1), signal })).json() as Promise<Heatmap>;
}

export interface AnswerEvents {
  retrieved(reply: SearchReply): void;
  reasoning(text: string): void;
  delta(text: string): void;
  citation(citation: Citation): void;
  done(reply: AnswerReply): void;
}

// Streams an answer; resolves after `done`.
export async function ask(question: Question, events: AnswerEvents, signal: AbortSignal): Promise<void> {
  const response = await request("/v1/answer", {
    method: "POST",
    headers: { Accept: "text/event-stream" },
    body: await answerForm(question),
    signal,
  });
  let finished = false;
  for await (const { name, data } of serverSentEvents(response)) {
    const value: unknown = JSON.parse(data);
    if (name === "retrieved") events.retrieved(value as SearchReply);
    else if (name === "reasoning") events.reasoning((value as { text: string }).text);
    else if (name === "delta") events.delta((value as { text: string }).text);
    else if (name === "citation") events.citation(value as Citation);
    else if (name === "error") throw errorFrom(data, 0);
    else if (name === "done") {
      finished = true;
      events.done(value as AnswerReply);
    }
  }
  if (!finished) throw new ApiError("The connection was lost before the answer was complete.", "cut");
}

interface ServerSentEvent {
  name: string;
  data: string;
}

function parseEvent(block: string): ServerSentEvent | null {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length === 0 ? null : { name, data: data.join("\n") };
}

async function* serverSentEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError("The connection was lost.", "cut");
    });
    if (done) return;
    pending += decoder.decode(value, { stream: true });
    for (let end = pending.indexOf("\n\n"); end >= 0; end = pending.indexOf("\n\n")) {
      const event = parseEvent(pending.slice(0, end));
      pending = pending.slice(end + 2);
      if (event) yield event;
    }
  }
}

// Sends one file and reports the bytes sent, then the server's steps. Resolves with the last step.
// XMLHttpRequest, because fetch tells nothing of the bytes on their way.
export function upload(
  collection: string,
  file: File,
  onSent: (fraction: number) => void,
  onStep: (step: IngestStep) => void,
): Promise<IngestStep> {
  return new Promise((resolve, reject) => {
    const data = new FormData();
    data.append("source", file.webkitRelativePath || file.name);
    data.append("file", file, file.name);
    const xhr = new XMLHttpRequest();
    let read = 0;
    let last: IngestStep | null = null;
    const drain = () => {
      for (let end = xhr.responseText.indexOf("\n\n", read); end >= 0; ) {
        const event = parseEvent(xhr.responseText.slice(read, end));
        read = end + 2;
        end = xhr.responseText.indexOf("\n\n", read);
        if (!event || event.name === "done" || event.name === "error") continue;
        last = JSON.parse(event.data) as IngestStep;
        onStep(last);
      }
    };
    xhr.open("POST", `/v1/collections/${encodeURIComponent(collection)}/documents?create_collection=true`);
    xhr.setRequestHeader("Accept", "text/event-stream");
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable) onSent(event.loaded / event.total);
    };
    xhr.onprogress = () => {
      if (xhr.status === 200) drain();
    };
    xhr.onload = () => {
      if (xhr.status !== 200) return reject(errorFrom(xhr.responseText, xhr.status));
      drain();
      if (last && last.outcome !== "accepted" && last.outcome !== "progress") resolve(last);
      else reject(new ApiError("The server ended the upload before the file was done.", "cut"));
    };
    xhr.onerror = () => reject(new ApiError("The connection was lost.", "unreachable"));
    xhr.send(data);
  });
}
