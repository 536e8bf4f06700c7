/** A labelled input that says what is wrong with it, beside it and to screen readers. */

import type { ComponentProps, ReactNode } from "react";

export interface FieldProps extends ComponentProps<"input"> {
  id: string;
  label: string;
  /** What the field expects, shown below it until something is wrong. */
  hint?: string;
  /** What is wrong; empty when nothing is. */
  problem: string;
  /** Shown beside the label. */
  mark?: ReactNode;
}

export function Field({ id, label, hint, problem, mark, ...input }: FieldProps) {
  const described = problem ? `${id}-problem` : hint ? `${id}-hint` : undefined;
  return (
    <div className={problem ? "field is-wrong" : "field"}>
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-invalid={problem !== ""} aria-describedby={described} aria-required="true" {...input} />
      {mark}
      {hint && !problem && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <p className="problem" id={`${id}-problem`} aria-live="polite">
        {problem}
      </p>
    </div>
  );
}
