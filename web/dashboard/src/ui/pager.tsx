/** Turning pages of a list that is too long to number: each page begins after the last row of the one before. */

import { useNavigate, useRouterState } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "./button";
import styles from "./pager.module.css";

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** Where the pages before this one began, the first of them first. */
    trail?: (string | null)[];
  }
}

/** Buttons for the newer and the older page; `after` is where this page begins, `next` where the next one does. */
export function Pager({ after, next, about }: { after: string | undefined; next: string | null; about?: string }) {
  const navigate = useNavigate();
  const trail = useRouterState({ select: (state) => state.location.state.trail ?? [] });
  const turn = (to: string | null, past: (string | null)[]) =>
    void navigate({ to: ".", search: (old) => ({ ...old, after: to ?? undefined }), state: { trail: past } });
  return (
    <nav className={styles.pager} aria-label="Pages">
      <span>{about}</span>
      <div>
        {after && trail.length === 0 && (
          <Button small onClick={() => turn(null, [])}>
            Newest
          </Button>
        )}
        <Button small disabled={trail.length === 0} onClick={() => turn(trail.at(-1) ?? null, trail.slice(0, -1))}>
          <ChevronLeft aria-hidden /> Newer
        </Button>
        <Button small disabled={!next} onClick={() => turn(next, [...trail, after ?? null])}>
          Older <ChevronRight aria-hidden />
        </Button>
      </div>
    </nav>
  );
}
