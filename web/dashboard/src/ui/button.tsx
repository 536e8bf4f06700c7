/** Buttons, and links that look like one. */

import { LoaderCircle } from "lucide-react";
import type { ComponentProps } from "react";
import styles from "./button.module.css";
import spin from "./spin.module.css";

export type ButtonKind = "plain" | "primary" | "danger" | "quiet";

/** The classes of a button, for a link that should look like one. */
export function buttonClass(kind: ButtonKind = "plain", small = false): string {
  return [styles.button, kind === "plain" ? "" : styles[kind], small ? styles.small : ""].filter(Boolean).join(" ");
}

type Props = ComponentProps<"button"> & { kind?: ButtonKind; small?: boolean; busy?: boolean };

/** A button; while `busy` it shows so and cannot be pressed again. */
export function Button({ kind = "plain", small = false, busy = false, disabled, children, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      className={buttonClass(kind, small)}
      disabled={busy || disabled}
      aria-busy={busy || undefined}
    >
      {busy && <LoaderCircle className={spin.spin} aria-hidden />}
      {children}
    </button>
  );
}
