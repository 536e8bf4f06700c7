/** Formats a field while it is being typed in, without the caret jumping. */

export interface Typed {
  value: string;
  caret: number;
}

export interface Edit {
  /** The field's content before the edit. */
  before: string;
  /** Its content and caret after the browser applied the edit. */
  value: string;
  caret: number;
  /** The browser's `inputType`, where it has one. */
  inputType?: string | undefined;
}

/** The formatted content and where the caret belongs in it: after the same digits as before formatting. */
export function retype(edit: Edit, format: (text: string) => string): Typed {
  const { value, caret } = withoutSeparatorOnlyDeletes(edit);
  const formatted = format(value);
  if (caret >= value.length) return { value: formatted, caret: formatted.length };
  return { value: formatted, caret: positionAfter(formatted, digitCount(format(value.slice(0, caret)))) };
}

/** Deleting a space means the digit beside it; otherwise formatting would put the space back for ever. */
function withoutSeparatorOnlyDeletes({ before, value, caret, inputType }: Edit): Typed {
  const nothingLost = value.length < before.length && digitCount(value) === digitCount(before);
  if (nothingLost && inputType === "deleteContentBackward") {
    return { value: value.slice(0, caret - 1) + value.slice(caret), caret: caret - 1 };
  }
  if (nothingLost && inputType === "deleteContentForward") {
    return { value: value.slice(0, caret) + value.slice(caret + 1), caret };
  }
  return { value, caret };
}

function digitCount(text: string): number {
  return text.replace(/\D/g, "").length;
}

function positionAfter(text: string, digits: number): number {
  let seen = 0;
  for (let i = 0; i < text.length; i++) {
    if (seen === digits) return i;
    if (/\d/.test(text[i] ?? "")) seen++;
  }
  return text.length;
}
