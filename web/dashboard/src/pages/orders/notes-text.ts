/** Notes as one types them: a name and a value per line. */

/** `table: 4` lines as an object; a line without a colon is a name without a value. Null when there are none. */
export function parseNotes(text: string): Record<string, string> | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) return null;
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", ...value] = line.split(":");
      return [name.trim(), value.join(":").trim()];
    }),
  );
}
