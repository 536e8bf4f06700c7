import { readFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

test("the types are those of openapi.json; if not, run `make client`", async () => {
  const options = { alphabetize: true, defaultNonNullable: false };
  const source = await openapiTS(new URL("../openapi.json", import.meta.url), options);
  const written = await readFile(new URL("schema.ts", import.meta.url), "utf8");
  expect(written.endsWith(astToString(source))).toBe(true);
});
