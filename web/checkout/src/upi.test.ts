import { expect, test } from "vitest";
import { suggestions, vpaProblem } from "./upi";

const WRONG = "UPI ID must look like name@bank";

test.each([
  ["asha@okicici", ""],
  ["a.s-h_a9@upi", ""],
  ["", "Enter your UPI ID"],
  ["asha", WRONG],
  ["asha@", WRONG],
  ["@upi", WRONG],
  ["asha@ok.icici", WRONG],
  ["asha @upi", WRONG],
  ["asha@upi\n", WRONG],
  [`${"a".repeat(251)}@upi`, ""],
  [`${"a".repeat(252)}@upi`, WRONG],
])("%j: %j", (vpa, problem) => expect(vpaProblem(vpa)).toBe(problem));

test("handles are offered once there is a name", () => {
  expect(suggestions("")).toEqual([]);
  expect(suggestions("asha")).toHaveLength(7);
  expect(suggestions("asha")[0]).toBe("asha@okhdfcbank");
});

test("what is typed of the handle narrows them down", () => {
  expect(suggestions("asha@OKi")).toEqual(["asha@okicici"]);
  expect(suggestions("asha@okicici")).toEqual([]);
  expect(suggestions("asha@mybank")).toEqual([]);
  expect(suggestions("as ha@")).toEqual([]);
});
