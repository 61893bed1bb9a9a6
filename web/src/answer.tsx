import { baseName, citationAt, piecesOf, place } from "./format";
import { Icon } from "./icons";
import type { Citation, Hit } from "./types";

export interface AnswerState {
  question: string;
  photos: File[]; // asked with it
  searched: string; // what a follow-up was searched as; "" where that is the question itself
  reasoning: string;
  text: string;
  hits: Hit[];
  citations: Citation[];
  abstained: boolean;
  warnings: string[];
  running: boolean;
}

interface Props {
  answer: AnswerState;
  onOpen(source: Hit | Citation): void;
}

const verdicts = {
  supported: "the source supports this",
  unsupported: "the source does not say this",
  contradicted: "the source says otherwise",
};

function Chip({ marker, source, onOpen }: { marker: number; source: Hit | Citation | undefined; onOpen: Props["onOpen"] }) {
  if (!source) return <span class="chip pending">{marker}</span>;
  const verdict = "marker" in source ? source.verdict : null;
  const where = place(source);
  const label = [
    `Source ${marker}: ${baseName(source.source)}`,
    where,
    verdict ? verdicts[verdict] : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
  return (
    <button
      type="button"
      class={`chip ${verdict ?? ""}`}
      aria-haspopup="dialog"
      aria-label={label}
      title={label}
      onClick={() => onOpen(source)}
    >
      {marker}
    </button>
  );
}

// Those that came before in the conversation, the latest first; their sources open as ever.
export function EarlierAnswers({ answers, onOpen }: { answers: AnswerState[]; onOpen: Props["onOpen"] }) {
  return (
    <section class="earlier" aria-label="Earlier in this conversation">
      <h2>Earlier in this conversation</h2>
      {answers
        .map((answer, index) => <Answer key={index} answer={{ ...answer, hits: answer.abstained ? [] : answer.hits }} onOpen={onOpen} />)
        .reverse()}
    </section>
  );
}

export function Answer({ answer, onOpen }: Props) {
  const doubtful = answer.citations.filter((citation) => citation.verdict && citation.verdict !== "supported");
  return (
    <section class="answer" aria-label="Answer" aria-busy={answer.running}>
      <h2>{answer.question}</h2>
      {answer.searched !== "" && answer.searched !== answer.question && (
        <p class="searched">Searched for: {answer.searched}</p>
      )}
      {answer.reasoning !== "" && (
        <details class="reasoning" open={answer.running && answer.text === ""}>
          <summary>Reasoning</summary>
          <p>{answer.reasoning}</p>
        </details>
      )}
      <div class="prose" aria-live="polite">
        {answer.text === "" && answer.running && (
          <p class="waiting">
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {answer.hits.length > 0 ? "Reading the sources" : "Searching"}
          </p>
        )}
        {answer.text !== "" && (
          <p>
            {piecesOf(answer.text).map((piece, at) =>
              "text" in piece ? (
                <span key={at}>{piece.text}</span>
              ) : (
                <Chip
                  key={at}
                  marker={piece.marker}
                  source={
                    citationAt(answer.citations, piece.marker, piece.byte) ??
                    answer.hits[piece.marker - 1]
                  }
                  onOpen={onOpen}
                />
              ),
            )}
            {answer.running && <span class="cursor" aria-hidden="true" />}
          </p>
        )}
      </div>
      {answer.abstained && (
        <p class="note">
          <Icon name="warning" />
          The documents of this collection do not hold an answer.
          {answer.hits.length > 0 && " The nearest passages are below."}
        </p>
      )}
      {answer.warnings.map((warning) => (
        <p key={warning} class="note">
          <Icon name="warning" />
          {warning}
        </p>
      ))}
      {!answer.running && doubtful.length > 0 && (
        <p class="note">
          <Icon name="warning" />
          {doubtful.length === 1 ? "One citation is" : `${doubtful.length} citations are`} marked: the source does
          not clearly say what the sentence says.
        </p>
      )}
    </section>
  );
}
