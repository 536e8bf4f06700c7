import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../../src/kassa/pages/dashboard",
    emptyOutDir: true,
    // Data URLs for small files would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        // What several pages share comes in one file rather than in many small ones.
        codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] },
      },
    },
  },
  server: { proxy: { "/api": process.env.KASSA_URL ?? "http://127.0.0.1:8000" } },
});
