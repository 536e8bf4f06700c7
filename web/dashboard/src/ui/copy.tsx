/** Things to copy: a button that does it, and secrets that stay hidden until asked for. */

import { Check, Copy, Eye, EyeOff } from "lucide-react";
import { useEffect, useState } from "react";
import styles from "./copy.module.css";
import { Hidden } from "./text";

/** Put text into the clipboard; works without HTTPS too, where browsers do not offer the newer way. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  // Inside the open dialog if there is one, which keeps the focus to itself.
  (document.activeElement?.parentElement ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

type CopyProps = { text: string; what: string; label?: string };

/** A button that copies `text`; `what` says to a screen reader what that is, `label` to everyone. */
export function CopyButton({ text, what, label }: CopyProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      className={label ? `${styles.copy} ${styles.labelled}` : styles.copy}
      title="Copy"
      aria-label={`Copy ${what}`}
      onClick={() => void copyText(text).then(() => setCopied(true))}
    >
      {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
      {label}
      <span role="status">{copied && <Hidden>Copied</Hidden>}</span>
    </button>
  );
}

/** A value with a button that copies it. */
export function Copyable({ text, what, testId }: { text: string; what: string; testId?: string }) {
  return (
    <span className={styles.line}>
      <span className={styles.value} data-test-id={testId}>
        {text}
      </span>
      <CopyButton text={text} what={what} />
    </span>
  );
}

type SecretProps = { text: string; what: string; testId?: string; shown: boolean };

/** A secret that can be shown, hidden and copied; `shown` says how it begins. */
export function Secret({ text, what, testId, shown: first }: SecretProps) {
  const [shown, setShown] = useState(first);
  const Icon = shown ? EyeOff : Eye;
  return (
    <span className={styles.line}>
      <span className={styles.value} data-test-id={testId}>
        {shown ? text : "•".repeat(16)}
      </span>
      <button
        type="button"
        className={styles.copy}
        title={shown ? "Hide" : "Show"}
        aria-label={`${shown ? "Hide" : "Show"} ${what}`}
        onClick={() => setShown(!shown)}
      >
        <Icon aria-hidden />
      </button>
      <CopyButton text={text} what={what} />
    </span>
  );
}
