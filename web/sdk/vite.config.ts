import { defineConfig } from "vite";

/** One script for `<script src>`, and with `--mode module` one for `import`. */
export default defineConfig(({ mode }) => ({
  build: {
    outDir: "../../src/kassa/pages/checkout",
    // The checkout page is there already.
    emptyOutDir: false,
    target: ["es2018", "chrome70", "firefox68", "safari12"],
    lib:
      mode === "module"
        ? { entry: "src/module.ts", formats: ["es"], fileName: () => "checkout.mjs" }
        : { entry: "src/script.ts", formats: ["umd"], fileName: () => "checkout.js", name: "PaymentGateway" },
  },
}));
