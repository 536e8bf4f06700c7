/** JSON for reading. */

/** `text` with line breaks and indents when it is JSON, as it is when it is not. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
