/** Small pieces of text that recur: amounts, ids, times, what a payment was made with. */

import type { ReactNode } from "react";
import type { Payment } from "../api/queries";
import { money } from "../format/money";
import { fromNow, utc } from "../format/time";
import styles from "./text.module.css";

/** An amount as the API's integer, with what it means above it. */
export function Amount({ amount, currency }: { amount: number; currency: string }) {
  return (
    <span className={styles.amount} data-shown={money(amount, currency)}>
      {amount}
    </span>
  );
}

/** An id, or a key. */
export function Id({ children }: { children: ReactNode }) {
  return <span className={styles.id}>{children}</span>;
}

/** A moment in UTC; how long ago it was shows on hover. */
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span className={styles.muted}>–</span>;
  return (
    <time className={styles.time} dateTime={at} title={`${fromNow(at, Date.now())}; times are in UTC`}>
      {utc(at)}
    </time>
  );
}

/** What a person wrote, of any length: a table shows two lines of it, and all of it on hover. */
export function Words({ children }: { children: string | null }) {
  if (!children) return <Muted>–</Muted>;
  return (
    <span className={styles.words} title={children}>
      {children}
    </span>
  );
}

/** The VPA, or the card's network and last digits; empty when only the provider knows. */
export function paidWith(payment: Payment): string {
  if (payment.method === "upi") return payment.vpa ?? "";
  if (!payment.card_last4) return "";
  return `${payment.card_network ?? "unknown"} •••• ${payment.card_last4}`;
}

/** Quieter text. */
export function Muted({ children }: { children: ReactNode }) {
  return <span className={styles.muted}>{children}</span>;
}

/** Text for those who listen instead of looking. */
export function Hidden({ children }: { children: ReactNode }) {
  return <span className={styles.hidden}>{children}</span>;
}
