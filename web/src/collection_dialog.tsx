import { useState } from "preact/hooks";
import { ApiError, createCollection } from "./api";
import { Dialog } from "./dialog";

interface Props {
  onCreated(name: string): void;
  onClose(): void;
}

export function CollectionDialog({ onCreated, onClose }: Props) {
  const [name, setName] = useState("");
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setFault("");
    try {
      onCreated((await createCollection(name.trim())).name);
    } catch (error) {
      setFault(error instanceof ApiError ? error.message : "The collection could not be created.");
      setBusy(false);
    }
  };
  return (
    <Dialog title="New collection" onClose={onClose}>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <label for="collection-name">Name</label>
        <input
          id="collection-name"
          value={name}
          required
          autoFocus
          maxLength={63}
          pattern="[A-Za-z0-9][A-Za-z0-9_.\-]*"
          aria-describedby="collection-rule"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <p id="collection-rule" class="rule">
          Letters, digits, dots, dashes and underscores; it starts with a letter or digit.
        </p>
        {fault !== "" && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
        <button type="submit" class="go" disabled={busy || name.trim() === ""}>
          Create
        </button>
      </form>
    </Dialog>
  );
}
