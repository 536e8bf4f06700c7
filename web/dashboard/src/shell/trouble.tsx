/** Pages for when there is none: unknown addresses, and crashes. */

import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { Empty, Failed } from "../ui/states";

/** No such page. */
export function NotFound() {
  return (
    <Empty title="There is no such page" icon={Compass} then={<Link to="/dashboard">Go to the dashboard</Link>}>
      <title>Not found · Kassa</title>
    </Empty>
  );
}

/** What could not be shown, with a way to try again. */
export function Crashed({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <Failed
      error={error instanceof Error ? error : new Error(String(error))}
      retry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}
