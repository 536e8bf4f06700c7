import { defineConfig } from "vitest/config";

// The clock of the unit tests is in India, where most payers are; a test that reads local time shows it.
export default defineConfig({ test: { include: ["*/src/**/*.test.{ts,tsx}"], env: { TZ: "Asia/Kolkata" } } });
