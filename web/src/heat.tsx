import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError, heatmap, type Query } from "./api";
import { Icon } from "./icons";
import type { Heatmap } from "./types";

// Red, green, blue and opacity at heats from 0 to 1, as in the server's PNG.
const stops: [number, number[]][] = [
  [0, [40, 10, 90, 0]],
  [0.35, [90, 20, 120, 70]],
  [0.6, [190, 50, 90, 130]],
  [0.8, [245, 120, 30, 160]],
  [1, [255, 225, 70, 180]],
];

function colorOf(heat: number): number[] {
  const next = Math.max(1, stops.findIndex(([at]) => at >= heat));
  const [low, from] = stops[next - 1]!;
  const [high, to] = stops[next]!;
  const part = (heat - low) / (high - low);
  return from.map((value, c) => value + part * (to[c]! - value));
}

// Each cell a pixel; the browser makes it smooth when it is stretched over the picture.
function draw(canvas: HTMLCanvasElement, { rows, columns }: Heatmap, values: number[]) {
  canvas.width = columns;
  canvas.height = rows;
  const least = Math.min(...values);
  const width = Math.max(...values) - least;
  const image = new ImageData(columns, rows);
  values.forEach((value, cell) => image.data.set(colorOf(width < 1e-4 ? 0 : (value - least) / width), 4 * cell));
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

export interface Heat {
  map: Heatmap;
  word: number | null; // null = the whole query
}

// Where the picture matches the query, to lie over the picture.
export function HeatLayer({ heat }: { heat: Heat }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { map, word } = heat;
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, map, word === null ? map.values : map.words[word]!.values);
  }, [map, word]);
  return <canvas class="heat" ref={canvas} data-testid="heat" />;
}

interface Props {
  passageId: string;
  query: Query;
  heat: Heat | null;
  onHeat(heat: Heat | null): void;
}

// Asks for the heat of a picture and lets one word of the query be looked at.
export function HeatControls({ passageId, query, heat, onHeat }: Props) {
  const [state, setState] = useState<"idle" | "busy" | { fault: string }>("idle");
  const running = useRef<AbortController | null>(null);
  useEffect(() => {
    setState("idle");
    return () => running.current?.abort();
  }, [passageId]);

  const toggle = async () => {
    if (heat) return onHeat(null);
    const controller = new AbortController();
    running.current = controller;
    setState("busy");
    try {
      const map = await heatmap(passageId, query, controller.signal);
      setState("idle");
      onHeat({ map, word: null });
    } catch (error) {
      if (controller.signal.aborted) return;
      setState({ fault: error instanceof ApiError ? error.message : "The heatmap cannot be shown." });
    }
  };

  return (
    <div class="heat-controls">
      <button type="button" class="quiet" aria-pressed={heat !== null} disabled={state === "busy"} onClick={() => void toggle()}>
        <Icon name="heat" />
        {state === "busy" ? "Looking…" : "Where it matches"}
      </button>
      {heat && heat.map.words.length > 1 && (
        <ul class="words" aria-label="Words of the query">
          {heat.map.words.map((word, index) => (
            <li key={word.start}>
              <button
                type="button"
                class="word"
                aria-pressed={heat.word === index}
                onClick={() => onHeat({ ...heat, word: heat.word === index ? null : index })}
              >
                {word.text}
              </button>
            </li>
          ))}
        </ul>
      )}
      {heat?.map.warnings.map((warning) => (
        <p key={warning} class="note">
          {warning}
        </p>
      ))}
      {typeof state === "object" && (
        <p class="note" role="alert">
          {state.fault}
        </p>
      )}
    </div>
  );
}
