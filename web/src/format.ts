import type { Citation, Hit } from "./types";

export function baseName(source: string): string {
  const parts = source.split(/[/\\]/).filter((part) => part !== "");
  return parts[parts.length - 1] ?? source;
}

const kinds: Record<string, string> = {
  text: "Text",
  image: "Picture",
  page: "Page",
  figure: "Figure",
  table: "Table",
  video_segment: "Video",
};

export function kindName(kind: string): string {
  return kinds[kind] ?? kind;
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, "0")}:${rest}`;
}

// "page 3", "at 0:12–0:20", or "" where a place inside the document has no meaning.
export function place(hit: Hit | Citation): string {
  const cited = "marker" in hit;
  const start = cited ? hit.start_seconds : hit.start;
  const end = cited ? hit.end_seconds : hit.end;
  if (start !== null) return end === null ? `at ${clock(start)}` : `at ${clock(start)}–${clock(end)}`;
  return hit.page === null ? "" : `page ${hit.page}`;
}

export function scoreText(score: number): string {
  return score >= 0.0995 ? score.toFixed(2) : score.toFixed(3);
}

export function bytesText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit === 0 || bytes >= 10 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

export function countText(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

export type Piece = { text: string } | { marker: number; byte: number };

// Cuts an answer at its markers [n]; `byte` is the marker's UTF-8 offset.
export function piecesOf(answer: string): Piece[] {
  const pieces: Piece[] = [];
  const encoder = new TextEncoder();
  let at = 0;
  for (const match of answer.matchAll(/\s?\[(\d{1,3})\]/g)) {
    const index = match.index ?? 0;
    if (index > at) pieces.push({ text: answer.slice(at, index) });
    pieces.push({ marker: Number(match[1]), byte: encoder.encode(answer.slice(0, index)).length });
    at = index + match[0].length;
  }
  if (at < answer.length) pieces.push({ text: answer.slice(at) });
  return pieces;
}

// The citation that a marker at `byte` stands for: the one of that number whose sentence it ends.
export function citationAt(citations: Citation[], marker: number, byte: number): Citation | undefined {
  const same = citations.filter((citation) => citation.marker === marker);
  return same.find((citation) => byte >= citation.start && byte <= citation.end + 1) ?? same[0];
}
