import { expect, test } from "vitest";
import { parseNotes } from "./notes-text";

test("each line is a name and a value, which may hold colons itself", () => {
  expect(parseNotes("table: 4\n\n link : https://shop.example \nurgent")).toEqual({
    table: "4",
    link: "https://shop.example",
    urgent: "",
  });
});

test("no lines are no notes", () => {
  expect(parseNotes(" \n")).toBeNull();
});
