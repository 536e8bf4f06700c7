import { defineConfig } from "vite";

export default defineConfig({
  // The page is written for React and built with Preact, which is a tenth of its size: payers wait for it on old phones.
  resolve: {
    alias: { react: "preact/compat", "react-dom": "preact/compat" },
  },
  build: {
    outDir: "../../src/kassa/pages/checkout",
    emptyOutDir: true,
    // Data URLs would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ["es2020", "chrome87", "firefox78", "safari14"],
  },
  server: { proxy: { "/api": process.env.KASSA_URL ?? "http://127.0.0.1:8000" } },
});
