/** Form fields with their label, hint and error tied together for everyone who cannot see that they belong together. */

import { Field as Base } from "@base-ui/react/field";
import { Form as BaseForm } from "@base-ui/react/form";
import type { ComponentProps, ReactNode } from "react";
import styles from "./field.module.css";

type Props = {
  name: string;
  label: string;
  hint?: ReactNode;
  testId?: string;
  /** What is wrong with a value, as a sentence; null when nothing is. */
  check?: (value: string) => string | null;
};

/** A text field; attributes of an input go through to it. */
export function TextField({ name, label, hint, testId, check, ...rest }: Props & ComponentProps<typeof Base.Control>) {
  return (
    <Base.Root name={name} className={styles.field ?? ""} validate={(value) => check?.(String(value ?? "")) ?? null}>
      <Base.Label className={styles.label}>{label}</Base.Label>
      <Base.Control {...rest} className={styles.control ?? ""} data-test-id={testId} />
      {hint && <Base.Description className={styles.hint}>{hint}</Base.Description>}
      <Base.Error className={styles.error} />
    </Base.Root>
  );
}

/** A text field of several lines. */
export function TextArea({
  rows,
  ...rest
}: Props & { rows?: number; defaultValue?: string; placeholder?: string; maxLength?: number }) {
  return <TextField {...rest} render={<textarea rows={rows ?? 3} spellCheck={false} />} />;
}

type SelectProps = Omit<Props, "check"> & {
  options: [value: string, label: string][];
  value?: string;
  defaultValue?: string;
  onChange?: (value: string) => void;
};

/** A choice of one of a few. */
export function SelectField({ name, label, hint, testId, options, onChange, ...rest }: SelectProps) {
  return (
    <Base.Root name={name} className={styles.field ?? ""}>
      <Base.Label className={styles.label}>{label}</Base.Label>
      <Base.Control
        {...rest}
        className={styles.control ?? ""}
        data-test-id={testId}
        render={
          <select onChange={(event) => onChange?.(event.target.value)}>
            {options.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        }
      />
      {hint && <Base.Description className={styles.hint}>{hint}</Base.Description>}
    </Base.Root>
  );
}

/** A field and a small one beside it. */
export function FieldRow({ children }: { children: ReactNode }) {
  return <div className={styles.pair}>{children}</div>;
}

type FormProps = {
  onSubmit: (values: Record<string, string>) => void;
  testId?: string;
  children: ReactNode;
  label?: string;
};

/** A form; `onSubmit` gets the values once none of them is refused. */
export function Form({ onSubmit, testId, children, label }: FormProps) {
  return (
    <BaseForm className={styles.form} onFormSubmit={onSubmit} data-test-id={testId} aria-label={label}>
      {children}
    </BaseForm>
  );
}
