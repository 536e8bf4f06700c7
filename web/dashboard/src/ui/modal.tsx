/** Dialogs over the page: for a form, and for the question whether one is sure. */

import { type ReactNode, useId, useState } from "react";
import { useAction } from "../api/action";
import { Button, type ButtonKind } from "./button";
import { Dialog } from "./dialog";
import styles from "./modal.module.css";
import { Problem } from "./states";

type ModalProps = { title: string; about?: ReactNode; open: boolean; onClose: () => void; children: ReactNode };

/** A dialog; what is in it begins afresh each time it opens. */
export function Modal({ title, about, open, onClose, children }: ModalProps) {
  const id = useId();
  if (!open) return null;
  return (
    <Dialog className={styles.modal} labelledBy={id} onClose={onClose}>
      <div className={styles.content}>
        <h2 id={id}>{title}</h2>
        {about && <p className={styles.about}>{about}</p>}
        <div className={styles.body}>{children}</div>
      </div>
    </Dialog>
  );
}

/** The buttons at the foot of a dialog: a way out, then what it is for. */
export function ModalFoot({ close, children }: { close: () => void; children: ReactNode }) {
  return (
    <div className={styles.foot}>
      <Button onClick={close}>Cancel</Button>
      {children}
    </div>
  );
}

type ConfirmProps = {
  /** What the button says that asks. */
  label: ReactNode;
  /** What the button says that does it. */
  confirm: string;
  title: string;
  about: ReactNode;
  kind?: ButtonKind;
  small?: boolean;
  disabled?: boolean;
  testId?: string;
  run: () => Promise<unknown>;
  done?: () => void;
  /** What can be chosen before it is done. */
  children?: ReactNode;
};

/** A button that asks before it does something. */
export function Confirm({ label, small, disabled, testId, ...question }: ConfirmProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button small={small ?? false} disabled={disabled} data-test-id={testId} onClick={() => setOpen(true)}>
        {label}
      </Button>
      <Modal title={question.title} about={question.about} open={open} onClose={() => setOpen(false)}>
        <Question {...question} close={() => setOpen(false)} />
      </Modal>
    </>
  );
}

type QuestionProps = Pick<ConfirmProps, "confirm" | "kind" | "run" | "done" | "children"> & { close: () => void };

function Question({ confirm, kind = "primary", run, done, children, close }: QuestionProps) {
  const action = useAction(run, () => {
    close();
    done?.();
  });
  return (
    <>
      {children}
      <Problem error={action.error} />
      <ModalFoot close={close}>
        <Button kind={kind} busy={action.isPending} onClick={() => action.mutate(undefined)}>
          {confirm}
        </Button>
      </ModalFoot>
    </>
  );
}
