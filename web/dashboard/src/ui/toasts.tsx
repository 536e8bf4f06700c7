/** Short remarks in a corner that something worked. */

import { CircleCheck } from "lucide-react";
import { useSyncExternalStore } from "react";
import styles from "./toasts.module.css";

type Remark = { id: number; text: string };

const SHOWN_MS = 4_000;
let remarks: Remark[] = [];
let count = 0;
const listeners = new Set<() => void>();

function change(next: Remark[]): void {
  remarks = next;
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Say that something worked. */
export function say(text: string): void {
  const remark = { id: ++count, text };
  change([...remarks, remark]);
  setTimeout(() => change(remarks.filter((one) => one !== remark)), SHOWN_MS);
}

/** Where the remarks appear, and are read out. */
export function Toasts() {
  const shown = useSyncExternalStore(listen, () => remarks);
  return (
    <div className={styles.corner} role="status">
      {shown.map(({ id, text }) => (
        <p key={id} className={styles.remark}>
          <CircleCheck aria-hidden />
          {text}
        </p>
      ))}
    </div>
  );
}
