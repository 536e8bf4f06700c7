/** The notes that a shop keeps with an order: its own words, shown as text and as nothing else. */

import { Code } from "../../ui/code";

/** Notes as JSON. */
export function Notes({ notes }: { notes: Record<string, unknown> }) {
  return <Code text={JSON.stringify(notes, null, 2)} what="notes" wrap />;
}
