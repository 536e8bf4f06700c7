/** How a page is put together: its title, cards and lists of details. */

import { Link, type LinkProps } from "@tanstack/react-router";
import { ChevronLeft } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import styles from "./layout.module.css";

type PageProps = {
  title: string;
  /** What the heading shows instead of the title alone. */
  heading?: ReactNode;
  about?: ReactNode;
  back?: { to: NonNullable<LinkProps["to"]>; label: string };
  actions?: ReactNode;
  testId?: string;
  children: ReactNode;
};

/** A page. Its heading takes the focus when it opens, so that a screen reader says where one is. */
export function Page({ title, heading, about, back, actions, testId, children }: PageProps) {
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => top.current?.focus({ preventScroll: true }), []);
  return (
    <div className={styles.page} data-test-id={testId}>
      <title>{`${title} · Kassa`}</title>
      <header className={styles.head}>
        <div>
          {back && (
            <Link to={back.to} className={styles.back}>
              <ChevronLeft aria-hidden /> {back.label}
            </Link>
          )}
          <h1 ref={top} tabIndex={-1}>
            {heading ?? title}
          </h1>
          {about && <p className={styles.about}>{about}</p>}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

type CardProps = {
  title?: string;
  about?: ReactNode;
  actions?: ReactNode;
  flush?: boolean;
  testId?: string;
  children: ReactNode;
};

/** A panel; `flush` lets its content reach the edges. */
export function Card({ title, about, actions, flush = false, testId, children }: CardProps) {
  const id = useId();
  return (
    <section className={styles.card} aria-labelledby={title ? id : undefined} data-test-id={testId}>
      {title && (
        <div className={styles.cardHead}>
          <div>
            <h2 id={id}>{title}</h2>
            {about && <p>{about}</p>}
          </div>
          {actions && <div className={styles.actions}>{actions}</div>}
        </div>
      )}
      <div className={flush ? undefined : styles.cardBody}>{children}</div>
    </section>
  );
}

/** A wide and a narrow column; one below the other where there is no room. */
export function Columns({ children }: { children: ReactNode }) {
  return <div className={styles.columns}>{children}</div>;
}

/** Two columns of the same width. */
export function Halves({ children }: { children: ReactNode }) {
  return <div className={styles.halves}>{children}</div>;
}

/** Cards below each other. */
export function Stack({ children }: { children: ReactNode }) {
  return <div className={styles.stack}>{children}</div>;
}

/** Names and values; those without a value are left out. */
export function Details({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className={styles.details}>
      {items
        .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
        .map(([name, value]) => (
          <DetailsItem key={name} name={name} value={value} />
        ))}
    </dl>
  );
}

function DetailsItem({ name, value }: { name: string; value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
