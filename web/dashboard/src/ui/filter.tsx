/** Filters above a list, each with its name inside. */

import type { LucideIcon } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Button } from "./button";
import styles from "./filter.module.css";
import { Hidden } from "./text";

const PAUSE_MS = 350;

type Props = { label: string; value: string | undefined; onChange: (value: string | undefined) => void };

function classes(value: string | undefined, size?: string | false): string {
  return [styles.filter, value ? styles.given : "", size].filter(Boolean).join(" ");
}

/** Filters in a row. */
export function FilterRow({ label, children }: { label: string; children: ReactNode }) {
  return (
    <search className={styles.row} aria-label={label}>
      {children}
    </search>
  );
}

/** Filters that are needed less often; on a phone they are behind a button unless one is in use. */
export function MoreFilters({ used, children }: { used: boolean; children: ReactNode }) {
  const [open, setOpen] = useState(used);
  return (
    <>
      <div className={styles.more}>
        <Button small aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Fewer filters" : "More filters"}
        </Button>
      </div>
      <div className={styles.rest} data-open={open}>
        {children}
      </div>
    </>
  );
}

/** One of a few words, or any. */
export function SelectFilter({ label, value, onChange, options }: Props & { options: readonly string[] }) {
  return (
    <label className={classes(value)}>
      <span>{label}</span>
      <select value={value ?? ""} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">any</option>
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    </label>
  );
}

/** A day. */
export function DateFilter({ label, value, onChange }: Props) {
  return (
    <label className={classes(value)}>
      <span>{label}</span>
      <input type="date" value={value ?? ""} onChange={(event) => onChange(event.target.value || undefined)} />
    </label>
  );
}

type Looks = { placeholder?: string; wide?: boolean; narrow?: boolean; decimal?: boolean; icon?: LucideIcon };

/** Text; it filters when the typing pauses. */
export function TextFilter({ label, value, onChange, icon: Icon, ...looks }: Props & Looks) {
  const { placeholder, wide, narrow, decimal } = looks;
  const [text, setText] = useState(value ?? "");
  useEffect(() => setText(value ?? ""), [value]);
  useEffect(() => {
    if (text === (value ?? "")) return;
    const timer = setTimeout(() => onChange(text || undefined), PAUSE_MS);
    return () => clearTimeout(timer);
  });
  return (
    <label className={classes(value, (wide && styles.wide) || (narrow && styles.narrow))}>
      {Icon ? <Icon aria-hidden /> : <span>{label}</span>}
      {Icon && <Hidden>{label}</Hidden>}
      <input
        type={wide ? "search" : "text"}
        inputMode={decimal ? "decimal" : undefined}
        placeholder={placeholder}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </label>
  );
}
