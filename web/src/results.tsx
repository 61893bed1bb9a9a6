import { Icon } from "./icons";
import { baseName, kindName, place, scoreText } from "./format";
import type { Hit } from "./types";

interface Props {
  title: string;
  hits: Hit[];
  numbered: boolean; // as the sources of an answer
  openId: string | null;
  onOpen(hit: Hit): void;
}

function Excerpt({ text }: { text: string }) {
  return <p class="excerpt">{text.length > 420 ? `${text.slice(0, 420)}…` : text}</p>;
}

function Card({ hit, number, open, onOpen }: { hit: Hit; number: number | null; open: boolean; onOpen(): void }) {
  const where = place(hit);
  const name = baseName(hit.source);
  return (
    <li>
      <button
        type="button"
        class={`card${open ? " open" : ""}`}
        aria-haspopup="dialog"
        onClick={onOpen}
        title={hit.source}
      >
        <span class={`face${hit.thumbnail_url ? "" : " words"}`}>
          {hit.thumbnail_url ? (
            <img src={hit.thumbnail_url} alt={hit.text || `Picture from ${name}`} loading="lazy" />
          ) : (
            <Excerpt text={hit.text} />
          )}
          {number !== null && <span class="number">{number}</span>}
        </span>
        <span class="facts">
          <span class="name">{name}</span>
          {hit.thumbnail_url && hit.text !== "" && <span class="caption">{hit.text}</span>}
          <span class="line">
            <span class="kind">{kindName(hit.kind)}</span>
            {where !== "" && <span>{where}</span>}
            <span class="score" aria-label={`score ${scoreText(hit.score)}`}>
              {scoreText(hit.score)}
            </span>
          </span>
        </span>
      </button>
    </li>
  );
}

export function Results({ title, hits, numbered, openId, onOpen }: Props) {
  return (
    <section class="results" aria-label={title}>
      <h2>
        {title} <span class="count">{hits.length}</span>
      </h2>
      <ul class="grid">
        {hits.map((hit, index) => (
          <Card
            key={hit.passage_id}
            hit={hit}
            number={numbered ? index + 1 : null}
            open={hit.passage_id === openId}
            onOpen={() => onOpen(hit)}
          />
        ))}
      </ul>
    </section>
  );
}

export function NoResults({ photo }: { photo: boolean }) {
  return (
    <div class="empty">
      <Icon name="search" />
      <h2>Nothing found</h2>
      <p>
        {photo
          ? "No passage is close to this query. Try the photo alone, or words alone."
          : "Try other words, fewer words, or a photo of what you look for."}
      </p>
    </div>
  );
}
