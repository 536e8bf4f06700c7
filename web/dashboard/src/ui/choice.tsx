/** A switch between a few views of the same thing. */

import styles from "./choice.module.css";

type Props<Value> = {
  label: string;
  options: [value: Value, label: string][];
  value: Value;
  onChange: (value: Value) => void;
};

/** Buttons of which one is pressed. */
export function Choice<Value extends string | number>({ label, options, value, onChange }: Props<Value>) {
  return (
    <fieldset className={styles.choice} aria-label={label}>
      {options.map(([one, text]) => (
        <button key={one} type="button" aria-pressed={one === value} onClick={() => onChange(one)}>
          {text}
        </button>
      ))}
    </fieldset>
  );
}
