/** What a merchant does: a change, after which everything on the page is read again. */

import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";

/** A mutation that refreshes what is shown before it counts as done; `done` is told the outcome. */
export function useAction<Input, Output>(
  run: (input: Input) => Promise<Output>,
  done?: (output: Output) => void,
): UseMutationResult<Output, Error, Input> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: async (output) => {
      await client.invalidateQueries();
      done?.(output);
    },
  });
}

/**
 * Idempotency keys for one form: the same content keeps its key, so that sending it again after a lost answer
 * does nothing twice; other content gets another.
 */
export function useIdempotencyKey(): (content: unknown) => string {
  const last = useRef({ content: "", key: "" });
  return (content) => {
    const text = JSON.stringify(content);
    if (last.current.content !== text) last.current = { content: text, key: randomKey() };
    return last.current.key;
  };
}

function randomKey(): string {
  // Not randomUUID, which browsers offer over HTTPS and on localhost only.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
