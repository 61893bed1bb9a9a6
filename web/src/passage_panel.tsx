import { useEffect, useRef, useState } from "preact/hooks";
import type { Query } from "./api";
import { baseName, kindName, place, scoreText } from "./format";
import { HeatControls, HeatLayer, type Heat } from "./heat";
import { Icon } from "./icons";
import type { Citation, Hit } from "./types";

interface Props {
  hit: Hit | Citation;
  query: Query; // that found it
  previous: (() => void) | null;
  next: (() => void) | null;
  onClose(): void;
}

// `text` with its part `snippet` marked.
function Marked({ text, snippet }: { text: string; snippet: string }) {
  const at = snippet === "" || snippet === text ? -1 : text.indexOf(snippet);
  if (at < 0) return <p class="passage-text">{text}</p>;
  return (
    <p class="passage-text">
      {text.slice(0, at)}
      <mark>{snippet}</mark>
      {text.slice(at + snippet.length)}
    </p>
  );
}

function metadataText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Picture({ hit, query }: { hit: Hit | Citation; query: Query }) {
  const [failed, setFailed] = useState(false);
  const [heat, setHeat] = useState<Heat | null>(null);
  useEffect(() => {
    setFailed(false);
    setHeat(null);
  }, [hit.passage_id, query]);
  if (!hit.image_url) return null;
  if (failed) return <p class="note">The picture cannot be shown.</p>;
  // Of a citation the place of the words that are cited, else that of the passage.
  const box = ("region" in hit ? hit.region : null) ?? hit.box;
  return (
    <>
      <a class="picture" href={hit.image_url} target="_blank" rel="noreferrer" aria-label="Open the picture alone">
        <img src={hit.image_url} alt={hit.text || `Picture from ${baseName(hit.source)}`} onError={() => setFailed(true)} />
        {heat && <HeatLayer heat={heat} />}
        {box && !heat && (
          <span
            class="region"
            data-testid="region"
            style={{
              left: `${box[0] * 100}%`,
              top: `${box[1] * 100}%`,
              width: `${(box[2] - box[0]) * 100}%`,
              height: `${(box[3] - box[1]) * 100}%`,
            }}
          />
        )}
      </a>
      <HeatControls passageId={hit.passage_id} query={query} heat={heat} onHeat={setHeat} />
    </>
  );
}

export function PassagePanel({ hit, query, previous, next, onClose }: Props) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  const cited = "marker" in hit ? hit : null;
  const where = place(hit);
  const stages = Object.entries(hit.scores).filter(([, score]) => score !== null);
  const metadata = Object.entries(hit.metadata);
  return (
    <aside
      class="panel"
      role="dialog"
      aria-label={`Passage from ${baseName(hit.source)}`}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
        if (event.key === "ArrowLeft") previous?.();
        if (event.key === "ArrowRight") next?.();
      }}
    >
      <header>
        <div class="title">
          <h2>{baseName(hit.source)}</h2>
          <p>
            <span class="kind">{kindName(hit.kind)}</span>
            {where !== "" && <span>{where}</span>}
          </p>
        </div>
        <button type="button" class="round" aria-label="Previous passage" disabled={!previous} onClick={() => previous?.()}>
          <Icon name="left" />
        </button>
        <button type="button" class="round" aria-label="Next passage" disabled={!next} onClick={() => next?.()}>
          <Icon name="right" />
        </button>
        <button type="button" class="round" aria-label="Close" ref={close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="body">
        {cited?.verdict && (
          <p class={`verdict ${cited.verdict}`}>
            <Icon name={cited.verdict === "supported" ? "check" : "warning"} />
            {cited.verdict === "supported"
              ? "This source supports the sentence."
              : cited.verdict === "contradicted"
                ? "This source says otherwise."
                : "This source does not clearly say what the sentence says."}
          </p>
        )}
        <Picture hit={hit} query={query} />
        {hit.text !== "" && <Marked text={hit.text} snippet={cited?.snippet ?? ""} />}
        <dl class="details">
          <dt>Source</dt>
          <dd>{hit.source}</dd>
          <dt>Score</dt>
          <dd>
            {scoreText(hit.score)}
            {stages.length > 0 && (
              <span class="stages">
                {stages.map(([stage, score]) => ` ${stage} ${scoreText(score ?? 0)}`).join(" ·")}
              </span>
            )}
          </dd>
          {metadata.map(([key, value]) => [
            <dt key={`${key}-name`}>{key}</dt>,
            <dd key={key}>{metadataText(value)}</dd>,
          ])}
        </dl>
      </div>
    </aside>
  );
}
