import { useEffect, useRef, useState } from "preact/hooks";
import type { AnswerStyle } from "./api";
import { Icon } from "./icons";

export type Mode = "search" | "ask";
export const maxPhotos = 8;

export interface Photo {
  id: number;
  file: File;
  url: string; // of the preview; revoked when the photo is removed
}

interface Props {
  mode: Mode;
  text: string;
  photos: Photo[];
  busy: boolean;
  disabled: boolean;
  style: AnswerStyle;
  reasoning: boolean;
  followsUp: boolean; // a question goes on from the one before
  onMode(mode: Mode): void;
  onText(text: string): void;
  onAddPhotos(files: File[]): void;
  onRemovePhoto(id: number): void;
  onStyle(style: AnswerStyle): void;
  onReasoning(reasoning: boolean): void;
  onNewTopic(): void;
  onSubmit(): void;
  onStop(): void;
}

export function Composer(props: Props) {
  const { mode, text, photos, busy, disabled } = props;
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [hint] = useState(() => (navigator.maxTouchPoints > 0 ? "" : "Press / to type here"));
  const empty = text.trim() === "" && photos.length === 0;

  // As tall as its text.
  useEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
  }, [text]);

  return (
    <form
      class="composer"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy && !empty && !disabled) props.onSubmit();
      }}
    >
      {photos.length > 0 && (
        <ul class="photos" aria-label="Photos of the query">
          {photos.map((photo) => (
            <li key={photo.id}>
              <img src={photo.url} alt={photo.file.name} />
              <button
                type="button"
                class="remove"
                aria-label={`Remove ${photo.file.name}`}
                onClick={() => props.onRemovePhoto(photo.id)}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <label class="hidden" for="query">
        {mode === "ask" ? "Your question" : "Words to search for"}
      </label>
      <textarea
        id="query"
        ref={box}
        rows={1}
        value={text}
        disabled={disabled}
        title={hint}
        placeholder={
          photos.length > 0
            ? "Add words to the photo, or go ahead without"
            : mode === "ask"
              ? props.followsUp
                ? "Ask on, or start a new topic"
                : "Ask a question about your documents"
              : "Search by words, or drop a photo anywhere"
        }
        onInput={(event) => props.onText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }
        }}
      />
      <div class="tools">
        <button
          type="button"
          class="quiet"
          disabled={disabled || photos.length >= maxPhotos}
          onClick={() => picker.current?.click()}
        >
          <Icon name="photo" />
          <span>Photo</span>
        </button>
        <input
          ref={picker}
          id="photo-picker"
          class="hidden"
          type="file"
          accept="image/*"
          multiple
          tabIndex={-1}
          aria-label="Choose photos"
          onChange={(event) => {
            props.onAddPhotos([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
        <div class="modes" role="radiogroup" aria-label="What to do">
          {(["search", "ask"] as const).map((value) => (
            <label key={value} class={mode === value ? "chosen" : ""}>
              <input
                type="radio"
                name="mode"
                value={value}
                checked={mode === value}
                onChange={() => props.onMode(value)}
              />
              {value === "search" ? "Search" : "Ask"}
            </label>
          ))}
        </div>
        {busy ? (
          <button type="button" class="go" onClick={props.onStop}>
            <Icon name="stop" />
            Stop
          </button>
        ) : (
          <button type="submit" class="go" disabled={empty || disabled}>
            <Icon name={mode === "ask" ? "ask" : "search"} />
            {mode === "ask" ? "Ask" : "Search"}
          </button>
        )}
      </div>
      {mode === "ask" && (
        <div class="options">
          <label>
            Answer
            <select
              value={props.style}
              onChange={(event) => props.onStyle(event.currentTarget.value as AnswerStyle)}
            >
              <option value="auto">as the server prefers</option>
              <option value="generative">written</option>
              <option value="extractive">quoted</option>
            </select>
          </label>
          <label>
            <input
              type="checkbox"
              checked={props.reasoning}
              disabled={props.style === "extractive"}
              onChange={(event) => props.onReasoning(event.currentTarget.checked)}
            />
            Reasoning first
          </label>
          {props.followsUp && (
            <button type="button" class="quiet" disabled={busy} onClick={props.onNewTopic}>
              New topic
            </button>
          )}
        </div>
      )}
    </form>
  );
}
