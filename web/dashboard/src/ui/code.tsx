/** Text in a monospaced block with a button that copies it. */

import type { ReactNode } from "react";
import styles from "./code.module.css";
import { CopyButton } from "./copy";

type Props = { text: string; what: string; wrap?: boolean; testId?: string; children?: ReactNode };

/** `text` as it is; `children` may be the same text in colours. */
export function Code({ text, what, wrap = false, testId, children }: Props) {
  return (
    <div className={wrap ? `${styles.block} ${styles.wrap}` : styles.block}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must get there */}
      <section className={styles.scroll} tabIndex={0} aria-label={what}>
        <pre>
          <code data-test-id={testId}>{children ?? text}</code>
        </pre>
      </section>
      <div className={styles.copy}>
        <CopyButton text={text} what={what} />
      </div>
    </div>
  );
}
