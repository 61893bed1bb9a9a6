import { useRef, useState } from "preact/hooks";
import { ApiError, upload } from "./api";
import { Dialog } from "./dialog";
import { bytesText, countText } from "./format";
import { Icon } from "./icons";
import type { IngestStep } from "./types";

const atOnce = 2;

export interface Item {
  id: number;
  file: File;
  state: "waiting" | "sending" | "reading" | "done" | "failed";
  fraction: number; // of the bytes sent, then of the pages read
  note: string;
}

function stepNote(step: IngestStep): string {
  if (step.outcome === "unchanged") return "Already there";
  if (step.outcome === "partial") {
    return `Added; ${countText(step.failures?.length ?? 0, "page", "pages")} could not be read`;
  }
  return "Added";
}

// The uploads of this visit, newest last; a few are sent at a time.
export function useUploads(onAdded: () => void) {
  const [items, setItems] = useState<Item[]>([]);
  const queue = useRef<{ item: Item; collection: string }[]>([]);
  const running = useRef(0);
  const nextId = useRef(0);

  const change = (id: number, update: Partial<Item>) =>
    setItems((all) => all.map((item) => (item.id === id ? { ...item, ...update } : item)));

  const pump = () => {
    while (running.current < atOnce && queue.current.length > 0) {
      const entry = queue.current.shift();
      if (!entry) return;
      running.current += 1;
      void send(entry.item, entry.collection).finally(() => {
        running.current -= 1;
        pump();
      });
    }
  };

  const send = async (item: Item, collection: string) => {
    change(item.id, { state: "sending" });
    try {
      const last = await upload(
        collection,
        item.file,
        (fraction) => change(item.id, fraction < 1 ? { fraction } : { state: "reading", fraction: 0 }),
        (step) => {
          if (step.outcome !== "progress") return;
          const [done, total] = [step.pages_done ?? 0, step.pages_total ?? 0];
          change(item.id, {
            state: "reading",
            fraction: total > 0 ? done / total : 0,
            note: total > 0 ? `${done} of ${countText(total, "page", "pages")}` : "",
          });
        },
      );
      const failure = last.failures?.[0];
      if (last.outcome === "failed") {
        change(item.id, { state: "failed", note: failure?.message ?? "The file could not be read." });
      } else {
        change(item.id, { state: "done", fraction: 1, note: stepNote(last) });
        onAdded();
      }
    } catch (error) {
      change(item.id, {
        state: "failed",
        note: error instanceof ApiError ? error.message : "The upload failed.",
      });
    }
  };

  const add = (files: File[], collection: string) => {
    const added = files.map((file): Item => {
      nextId.current += 1;
      return { id: nextId.current, file, state: "waiting", fraction: 0, note: "" };
    });
    setItems((all) => [...all, ...added]);
    queue.current.push(...added.map((item) => ({ item, collection })));
    pump();
  };

  return { items, add };
}

const states = { waiting: "Waiting", sending: "Sending", reading: "Reading", done: "Added", failed: "Failed" };

function Row({ item }: { item: Item }) {
  const busy = item.state === "sending" || item.state === "reading";
  return (
    <li class={`upload ${item.state}`}>
      <span class="upload-name">{item.file.webkitRelativePath || item.file.name}</span>
      <span class="upload-size">{bytesText(item.file.size)}</span>
      <span class="upload-state">
        {item.state === "done" && <Icon name="check" />}
        {item.state === "failed" && <Icon name="warning" />}
        {item.note || states[item.state]}
      </span>
      {busy && (
        <progress max={1} {...(item.fraction > 0 ? { value: item.fraction } : {})} aria-label={`Progress of ${item.file.name}`} />
      )}
    </li>
  );
}

interface DialogProps {
  collection: string;
  items: Item[];
  onAdd(files: File[]): void;
  onClose(): void;
}

export function UploadDialog({ collection, items, onAdd, onClose }: DialogProps) {
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const done = items.filter((item) => item.state === "done").length;
  const failed = items.filter((item) => item.state === "failed").length;
  return (
    <Dialog title={`Add files to “${collection}”`} onClose={onClose}>
      <div
        class={`drop${over ? " over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          event.stopPropagation();
          setOver(false);
          onAdd([...(event.dataTransfer?.files ?? [])]);
        }}
      >
        <p>Drop photos, videos, PDFs, office files, web pages or text here</p>
        <button type="button" class="go" onClick={() => picker.current?.click()}>
          <Icon name="plus" />
          Choose files
        </button>
        <input
          ref={picker}
          id="file-picker"
          class="hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label="Choose files to add"
          onChange={(event) => {
            onAdd([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
      </div>
      {items.length > 0 && (
        <>
          <p class="tally" role="status">
            {done} of {countText(items.length, "file", "files")} added
            {failed > 0 && `, ${failed} failed`}
          </p>
          <ul class="uploads">
            {items.map((item) => (
              <Row key={item.id} item={item} />
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
