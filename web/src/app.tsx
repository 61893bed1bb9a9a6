import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Answer, EarlierAnswers, type AnswerState } from "./answer";
import { ApiError, ask, collectionStats, listCollections, search, type AnswerStyle, type Query } from "./api";
import { CollectionDialog } from "./collection_dialog";
import { Composer, maxPhotos, type Mode, type Photo } from "./composer";
import { countText } from "./format";
import { Icon } from "./icons";
import { PassagePanel } from "./passage_panel";
import { NoResults, Results } from "./results";
import type { Citation, CollectionStats, Hit, SearchReply } from "./types";
import { UploadDialog, useUploads } from "./uploads";

const remembered = "sightline.collection";

function isPhoto(file: File): boolean {
  return file.type.startsWith("image/");
}

function failureText(error: unknown): string {
  return error instanceof ApiError ? error.message : "Something went wrong on this page.";
}

// What the last query gave.
type Outcome =
  | { kind: "none" }
  | { kind: "searching" }
  | { kind: "found"; reply: SearchReply; photo: boolean }
  | { kind: "answered"; answer: AnswerState };

function useCollections() {
  const [names, setNames] = useState<string[] | null>(null);
  const [name, setName] = useState("");
  const [stats, setStats] = useState<CollectionStats["stats"] | null>(null);
  const [fault, setFault] = useState("");

  const choose = useCallback((chosen: string) => {
    setName(chosen);
    setStats(null);
    localStorage.setItem(remembered, chosen);
  }, []);

  const load = useCallback(async () => {
    try {
      const found = (await listCollections()).map((collection) => collection.name);
      setFault("");
      setNames(found);
      const last = localStorage.getItem(remembered);
      setName((now) => {
        if (now !== "" && found.includes(now)) return now;
        return last !== null && found.includes(last) ? last : (found[0] ?? "");
      });
    } catch (error) {
      setFault(failureText(error));
    }
  }, []);

  const count = useCallback(async () => {
    if (name === "") return;
    try {
      setStats((await collectionStats(name)).stats);
    } catch {
      setStats(null); // the number is a nicety; the next query tells what is wrong
    }
  }, [name]);

  useEffect(() => void load(), [load]);
  useEffect(() => void count(), [count]);
  return { names, name, stats, fault, choose, load, count };
}

function usePhotos() {
  const [photos, setPhotos] = useState<Photo[]>([]);
  const nextId = useRef(0);
  const add = useCallback((files: File[]) => {
    setPhotos((now) => {
      const room = files.filter(isPhoto).slice(0, maxPhotos - now.length);
      return [
        ...now,
        ...room.map((file) => {
          nextId.current += 1;
          return { id: nextId.current, file, url: URL.createObjectURL(file) };
        }),
      ];
    });
  }, []);
  const remove = useCallback((id: number) => {
    setPhotos((now) => {
      const gone = now.find((photo) => photo.id === id);
      if (gone) URL.revokeObjectURL(gone.url);
      return now.filter((photo) => photo.id !== id);
    });
  }, []);
  const clear = useCallback(() => {
    setPhotos((now) => {
      for (const photo of now) URL.revokeObjectURL(photo.url);
      return [];
    });
  }, []);
  return { photos, add, remove, clear };
}

export function App() {
  const collections = useCollections();
  const uploads = useUploads(() => void collections.count());
  const { photos, add: addPhotos, remove: removePhoto, clear: clearPhotos } = usePhotos();
  const [mode, setMode] = useState<Mode>("search");
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState<Outcome>({ kind: "none" });
  const [asked, setAsked] = useState<Query | null>(null); // what the outcome is of
  const [style, setStyle] = useState<AnswerStyle>("auto");
  const [reasoning, setReasoning] = useState(false);
  const [thread, setThread] = useState<AnswerState[]>([]); // whole answers of this conversation, oldest first
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const [open, setOpen] = useState<Hit | Citation | null>(null);
  const [dialog, setDialog] = useState<"none" | "upload" | "collection">("none");
  const [dragging, setDragging] = useState(false);
  const running = useRef<AbortController | null>(null);
  const opener = useRef<HTMLElement | null>(null);

  const hits =
    outcome.kind === "found" ? outcome.reply.hits : outcome.kind === "answered" ? outcome.answer.hits : [];

  const earlier =
    outcome.kind === "answered" && thread[thread.length - 1] === outcome.answer ? thread.slice(0, -1) : thread;

  const show = (hit: Hit | Citation) => {
    if (!open) opener.current = document.activeElement as HTMLElement | null;
    setOpen(hit);
  };
  const hide = () => {
    setOpen(null);
    opener.current?.focus();
  };
  const step = (by: number): (() => void) | null => {
    const at = hits.findIndex((hit) => hit.passage_id === open?.passage_id);
    const hit = at < 0 ? undefined : hits[at + by];
    return hit ? () => setOpen(hit) : null;
  };

  const addFiles = (files: File[]) => {
    if (files.length === 0) return;
    setDialog("upload");
    uploads.add(files, collections.name || "default");
    if (collections.name === "") {
      collections.choose("default");
      void collections.load();
    }
  };

  const run = async () => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const query = { collection: collections.name, text, photos: photos.map((photo) => photo.file) };
    setAsked(query);
    setBusy(true);
    setFault("");
    setOpen(null);
    try {
      if (mode === "search") {
        setOutcome({ kind: "searching" });
        const reply = await search(query, controller.signal);
        setOutcome({ kind: "found", reply, photo: photos.length > 0 });
      } else {
        await answer(query, controller.signal);
      }
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") {
        setOutcome((now) => (now.kind === "searching" ? { kind: "none" } : now));
      } else {
        setFault(failureText(error));
        setOutcome((now) => (now.kind === "searching" ? { kind: "none" } : now));
      }
    } finally {
      if (running.current === controller) {
        setBusy(false);
        setOutcome((now) =>
          now.kind === "answered" && now.answer.running
            ? { ...now, answer: { ...now.answer, running: false } }
            : now,
        );
      }
    }
  };

  const answer = async (query: Query, signal: AbortSignal) => {
    let state: AnswerState = {
      question: query.text.trim() || "What is in this photo?",
      photos: query.photos,
      searched: "",
      reasoning: "",
      text: "",
      hits: [],
      citations: [],
      abstained: false,
      warnings: [],
      running: true,
    };
    const update = (change: Partial<AnswerState>) => {
      state = { ...state, ...change };
      setOutcome({ kind: "answered", answer: state });
    };
    update({});
    const history = thread.map((turn) => ({ question: turn.question, photos: turn.photos, answer: turn.text }));
    await ask(
      { ...query, history, style, reasoning: reasoning && style !== "extractive" },
      {
        reasoning: (piece) => update({ reasoning: state.reasoning + piece }),
        retrieved: (reply) => update({ hits: reply.hits }),
        delta: (piece) => update({ text: state.text + piece }),
        citation: (citation) => update({ citations: [...state.citations, citation] }),
        done: (reply) =>
          update({
            searched: reply.follow_up?.rewritten_query ?? "",
            reasoning: reply.reasoning ?? "",
            text: reply.answer,
            hits: reply.hits,
            citations: reply.citations,
            abstained: reply.abstained,
            warnings: reply.warnings,
            running: false,
          }),
      },
      signal,
    );
    setThread((now) => [...now, state]);
    // What was typed meanwhile stays.
    setText((now) => (now === query.text ? "" : now));
    clearPhotos();
  };

  // What was said about one collection says nothing of another.
  useEffect(() => setThread([]), [collections.name]);

  // Paste a picture anywhere; "/" goes to the query.
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])].filter(isPhoto);
      if (files.length === 0) return;
      event.preventDefault();
      addPhotos(files);
    };
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement | null;
      const typing = target !== null && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      document.getElementById("query")?.focus();
    };
    window.addEventListener("paste", onPaste);
    window.addEventListener("keydown", onKey);
    return () => {
      window.removeEventListener("paste", onPaste);
      window.removeEventListener("keydown", onKey);
    };
  }, [addPhotos]);

  // Photos dropped on the page join the query; other files are offered to the collection.
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setDragging(false);
    const files = [...(event.dataTransfer?.files ?? [])];
    const pictures = files.filter(isPhoto);
    if (pictures.length > 0) addPhotos(pictures);
    else addFiles(files);
  };

  const empty = collections.names !== null && collections.names.length === 0;
  return (
    <div
      class={`page${open ? " with-panel" : ""}`}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes("Files") || dialog === "upload") return;
        event.preventDefault();
        setDragging(true);
      }}
      onDragLeave={(event) => {
        if (event.relatedTarget === null) setDragging(false);
      }}
      onDrop={onDrop}
    >
      <header class="top">
        <h1>
          <img src="/favicon.svg" alt="" width="26" height="26" />
          Sightline
        </h1>
        <div class="where">
          {collections.names !== null && collections.names.length > 0 && (
            <label class="select">
              <span class="hidden">Collection</span>
              <select value={collections.name} onChange={(event) => collections.choose(event.currentTarget.value)}>
                {collections.names.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
          {collections.stats && (
            <span class="stats">
              {countText(collections.stats.documents, "document", "documents")}
            </span>
          )}
        </div>
        <div class="actions">
          <button type="button" class="quiet" onClick={() => setDialog("collection")}>
            New collection
          </button>
          <button type="button" class="quiet strong" onClick={() => setDialog("upload")}>
            <Icon name="plus" />
            <span>Add files</span>
          </button>
        </div>
      </header>

      <main>
        {outcome.kind === "none" && !empty && (
          <div class="hello">
            <p class="lead">Find it by a photo, by words, or by both.</p>
          </div>
        )}
        <Composer
          mode={mode}
          text={text}
          photos={photos}
          busy={busy}
          disabled={empty || collections.names === null}
          style={style}
          reasoning={reasoning}
          followsUp={thread.length > 0}
          onMode={setMode}
          onText={setText}
          onAddPhotos={addPhotos}
          onRemovePhoto={removePhoto}
          onStyle={setStyle}
          onReasoning={setReasoning}
          onNewTopic={() => {
            setThread([]);
            setOutcome({ kind: "none" });
            setOpen(null);
            document.getElementById("query")?.focus();
          }}
          onSubmit={() => void run()}
          onStop={() => running.current?.abort()}
        />

        {(fault !== "" || collections.fault !== "") && (
          <div class="fault banner" role="alert">
            <Icon name="warning" />
            <p>{fault || collections.fault}</p>
            {fault === "" && (
              <button type="button" class="quiet" onClick={() => void collections.load()}>
                Try again
              </button>
            )}
          </div>
        )}

        {empty && (
          <div class="empty">
            <Icon name="photo" />
            <h2>There is nothing to search yet</h2>
            <p>Add photos, scans, PDFs, office files or web pages, and they can be found a moment later.</p>
            <button type="button" class="go" onClick={() => setDialog("upload")}>
              <Icon name="plus" />
              Add files
            </button>
          </div>
        )}

        {outcome.kind === "none" && !empty && (
          <ul class="tips" aria-label="What you can do">
            <li>
              <Icon name="photo" />
              Drop or paste a photo to find where it comes from
            </li>
            <li>
              <Icon name="search" />
              Search by words, or add words to a photo
            </li>
            <li>
              <Icon name="ask" />
              Ask, and get an answer whose every claim opens its source
            </li>
          </ul>
        )}

        <p class="hidden" role="status">
          {outcome.kind === "searching"
            ? "Searching"
            : outcome.kind === "found"
              ? countText(outcome.reply.hits.length, "result", "results")
              : ""}
        </p>
        {outcome.kind === "searching" && (
          <ul class="grid ghosts" aria-hidden="true">
            {Array.from({ length: 6 }, (_, index) => (
              <li key={index} class="ghost" />
            ))}
          </ul>
        )}
        {outcome.kind === "found" &&
          outcome.reply.warnings.map((warning) => (
            <p key={warning} class="note">
              <Icon name="warning" />
              {warning}
            </p>
          ))}
        {outcome.kind === "found" &&
          (outcome.reply.hits.length === 0 ? (
            <NoResults photo={outcome.photo} />
          ) : (
            <Results
              title="Results"
              hits={outcome.reply.hits}
              numbered={false}
              openId={open?.passage_id ?? null}
              onOpen={show}
            />
          ))}
        {outcome.kind === "answered" && (
          <>
            <Answer answer={outcome.answer} onOpen={show} />
            {outcome.answer.hits.length > 0 && (
              <Results
                title={outcome.answer.abstained ? "Nearest passages" : "Sources"}
                hits={outcome.answer.hits}
                numbered={!outcome.answer.abstained}
                openId={open?.passage_id ?? null}
                onOpen={show}
              />
            )}
            {earlier.length > 0 && <EarlierAnswers answers={earlier} onOpen={show} />}
          </>
        )}
      </main>

      {open && asked && <PassagePanel hit={open} query={asked} previous={step(-1)} next={step(1)} onClose={hide} />}
      {dialog === "upload" && (
        <UploadDialog
          collection={collections.name || "default"}
          items={uploads.items}
          onAdd={addFiles}
          onClose={() => {
            setDialog("none");
            void collections.load();
          }}
        />
      )}
      {dialog === "collection" && (
        <CollectionDialog
          onCreated={(name) => {
            collections.choose(name);
            void collections.load();
            setDialog("none");
          }}
          onClose={() => setDialog("none")}
        />
      )}
      {dragging && (
        <div class="veil" aria-hidden="true">
          <p>
            <Icon name="photo" />
            Drop a photo to search by it, or files to add them
          </p>
        </div>
      )}
    </div>
  );
}
