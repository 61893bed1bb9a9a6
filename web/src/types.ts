// The replies of the gateway, as openapi.json describes them.

export type Box = [number, number, number, number];

export interface Hit {
  passage_id: string;
  document_id: string;
  source: string;
  kind: string;
  page: number | null;
  box: Box | null;
  start: number | null;
  end: number | null;
  text: string;
  score: number;
  scores: { dense: number | null; lexical: number | null; rerank: number | null };
  image_url: string | null;
  thumbnail_url: string | null;
  metadata: Record<string, unknown>;
}

// `start` and `end` are UTF-8 byte offsets in the answer; a video's times have names of their own.
export interface Citation extends Hit {
  marker: number;
  start: number;
  end: number;
  start_seconds: number | null;
  end_seconds: number | null;
  snippet: string;
  verdict: "supported" | "unsupported" | "contradicted" | null;
  support: number | null;
  region: Box | null;
}

export interface SearchReply {
  hits: Hit[];
  exact: boolean;
  recall: number | null;
  warnings: string[];
  timings_ms: Record<string, number>;
}

export interface AnswerReply {
  answer: string;
  abstained: boolean;
  citations: Citation[];
  hits: Hit[];
  warnings: string[];
  timings_ms: Record<string, number>;
  mode: string;
  reasoning: string | null;
  follow_up: { rewritten_query: string } | null;
  finish_reason: string;
}

// Cells row by row; see docs/heatmap.md.
export interface Heatmap {
  rows: number;
  columns: number;
  values: number[];
  score: number;
  box: Box | null;
  width: number;
  height: number;
  words: { start: number; end: number; text: string; values: number[] }[];
  warnings: string[];
}

export interface Collection {
  name: string;
  dimension: number;
}

export interface CollectionStats extends Collection {
  stats: { documents: number; passages: number };
}

export interface Failure {
  page: number;
  reason: string;
  message: string;
}

// One document of an upload, at any stage of it.
export interface IngestStep {
  source: string;
  outcome: "accepted" | "progress" | "indexed" | "unchanged" | "partial" | "failed";
  pages_done?: number;
  pages_total?: number;
  failures?: Failure[];
}

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string };
}
