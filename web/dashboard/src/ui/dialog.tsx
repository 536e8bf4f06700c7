/** The browser's own dialog: it keeps the focus, closes with Escape and stands above everything. */

import { type ReactNode, useEffect, useRef } from "react";

type Props = {
  onClose: () => void;
  className: string | undefined;
  labelledBy?: string;
  label?: string;
  children: ReactNode;
};

/** A dialog that is open for as long as it is there; then the focus goes back to where it was. */
export function Dialog({ onClose, className, labelledBy, label, children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      className={className}
      aria-labelledby={labelledBy}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // A press on the backdrop is one on the dialog itself, outside of all that is in it.
      onPointerDown={(event) => event.target === event.currentTarget && onClose()}
    >
      {children}
    </dialog>
  );
}
