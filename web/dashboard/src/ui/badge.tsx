/** The state of something, as a word on a colour. */

import styles from "./badge.module.css";
import tones from "./tones.module.css";

type Tone = "good" | "bad" | "wait" | "calm";

const TONES: Record<string, Tone> = {
  success: "good",
  paid: "good",
  processed: "good",
  failed: "bad",
  pending: "wait",
  processing: "wait",
};

/** A status of a payment, an order, a refund or a delivery, in the API's own word. */
export function Badge({ status, tone }: { status: string; tone?: Tone }) {
  return <span className={`${styles.badge} ${tones[tone ?? TONES[status] ?? "calm"]}`}>{status}</span>;
}
